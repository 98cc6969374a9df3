import { randomUUID } from 'node:crypto'
import { createConnection } from 'mysql2/promise'
import pg from 'pg'
import { describe, expect, inject, it, onTestFinished } from 'vitest'
import '../../../test/servers/provided-context.ts'
import { Browser } from '../../test-support/browser.ts'
import { startExample, temporaryFolder } from '../../test-support/start-example.ts'

const postgresUrl = inject('postgresUrl')
const mysqlUrl = inject('mysqlUrl')

const stores = [
  { name: 'memory', isThere: true, keeps: false, create: async () => 'memory:' },
  {
    name: 'SQLite',
    isThere: true,
    keeps: true,
    create: async () => `sqlite:${temporaryFolder()}/sessions.db`,
  },
  {
    name: 'PostgreSQL',
    isThere: postgresUrl !== undefined,
    keeps: true,
    create: () => newDatabase(postgresUrl ?? '', onPostgres),
  },
  {
    name: 'MySQL',
    isThere: mysqlUrl !== undefined,
    keeps: true,
    create: () => newDatabase(mysqlUrl ?? '', onMysql),
  },
]

describe.each(stores)('$name', ({ isThere, keeps, create }) => {
  it.skipIf(!isThere)('serves the same sessions, and ends when it is told to', async () => {
    const env = { STORE_URL: await create() }
    const folder = temporaryFolder()
    const first = await startExample('swapping-stores', folder, env)
    const browser = new Browser(first.url)
    expect(await browser.get('/')).toBe('Visit 1\n')
    expect(await browser.get('/')).toBe('Visit 2\n')
    expect(await new Browser(first.url).get('/')).toBe('Visit 1\n')
    expect(await first.stop()).toBe(0)

    const { url } = await startExample('swapping-stores', folder, env)
    const returned = new Browser(url)
    returned.plant('session', browser.cookie('session') ?? '')
    expect(await returned.get('/')).toBe(keeps ? 'Visit 3\n' : 'Visit 1\n')
  })
})

it('names the URLs that it knows when it is given another', async () => {
  const started = startExample('swapping-stores', temporaryFolder(), { STORE_URL: 'redis://x' })
  await expect(started).rejects.toThrow('STORE_URL must begin with memory:, sqlite:')
})

type Execute = (url: string, statement: string) => Promise<void>

// A database of the test's own on a server that others use at the same time.
async function newDatabase(serverUrl: string, execute: Execute): Promise<string> {
  const name = `scs_example_${randomUUID().replaceAll('-', '')}`
  await execute(serverUrl, `create database ${name}`)
  onTestFinished(async () => {
    await execute(
      serverUrl,
      `drop database ${name}${execute === onPostgres ? ' with (force)' : ''}`,
    )
  })
  const url = new URL(serverUrl)
  url.pathname = `/${name}`
  return url.href
}

async function onPostgres(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query(statement)
  await client.end()
}

async function onMysql(url: string, statement: string): Promise<void> {
  const connection = await createConnection(url)
  await connection.query(statement)
  await connection.end()
}
