import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import SQLite from 'better-sqlite3'
import { createConnection } from 'mysql2/promise'
import openPostgres from 'postgres'
import { startGaleraCluster } from '../../test/servers/galera-cluster.ts'
import { installMissing } from '../../test/servers/install-missing.ts'
import { mariadb } from '../../test/servers/mariadb.ts'
import { postgres } from '../../test/servers/postgres.ts'
import { startPrivateServer } from '../../test/servers/private-server.ts'
import { redis } from '../../test/servers/redis.ts'
import { startRedisCluster } from '../../test/servers/redis-cluster.ts'
import type { TestServer } from '../../test/servers/test-server.ts'
import { serverVersion } from './server-version.ts'
import type { Versions } from './versions.ts'

/** What keeps the sessions of a measured server. */
export type StoreName =
  | 'memory'
  | 'sqlite'
  | 'postgres'
  | 'mariadb'
  | 'galera'
  | 'redis'
  | 'redis-cluster'

const servers: Partial<Record<StoreName, TestServer>> = { postgres, mariadb, redis }

/** Where new databases are made: on private servers that end with this process, and in a temporary folder. */
export class Databases implements AsyncDisposable {
  readonly #urls: Partial<Record<StoreName, readonly string[]>>
  readonly #folder: string
  readonly #stops: (() => Promise<void>)[]

  /** Starts the servers that the stores need, or takes those that the environment names, as the tests do. */
  static async start(stores: readonly StoreName[] = ['postgres', 'mariadb']): Promise<Databases> {
    const stops: (() => Promise<void>)[] = []
    const url = async (server: TestServer) => {
      const given = process.env[server.variable]
      if (given) return given
      const recipe = server.recipe()
      if (!recipe) throw new Error(`${server.name} is missing: apt-get install ${server.package}`)
      const { port, stop } = await startPrivateServer(recipe)
      stops.push(stop)
      return server.url(port)
    }
    const wanted = [...new Set(stores)].flatMap((store) => servers[store] ?? [])
    await installMissing(wanted.filter(({ variable }) => !process.env[variable]))
    const urls: Partial<Record<StoreName, readonly string[]>> = {}
    for (const store of new Set(stores)) {
      const server = servers[store]
      if (server) urls[store] = [await url(server)]
      if (store === 'galera') {
        const { nodes, stop } = await startGaleraCluster()
        stops.push(stop)
        urls.galera = nodes.map((node) => node.url)
      }
      if (store === 'redis-cluster') {
        const cluster = await startRedisCluster()
        stops.push(() => cluster.stop())
        urls['redis-cluster'] = cluster.urls
      }
    }
    return new Databases(urls, await mkdtemp(join(tmpdir(), 'scs-bench-')), stops)
  }

  private constructor(
    urls: Partial<Record<StoreName, readonly string[]>>,
    folder: string,
    stops: (() => Promise<void>)[],
  ) {
    this.#urls = urls
    this.#folder = folder
    this.#stops = stops
  }

  /**
   * The address of a new, empty database; '' for memory. Of a cluster, those of its servers, separated by spaces. Redis
   * has one database for all: no two sessions have one key.
   */
  async create(store: StoreName): Promise<string> {
    if (store === 'memory') return ''
    const name = `bench_${randomBytes(6).toString('hex')}`
    if (store === 'sqlite') return createFile(join(this.#folder, `${name}.db`))
    const urls = this.#urls[store]
    const [first] = urls ?? []
    if (!urls || first === undefined) throw new Error(`${store} was not started`)
    if (store === 'redis' || store === 'redis-cluster') return urls.join(' ')
    const create = store === 'postgres' ? createOnPostgres : createOnMariadb
    await create(first, `create database ${name}`)
    return urls.map((url) => Object.assign(new URL(url), { pathname: `/${name}` }).href).join(' ')
  }

  /** Of the servers that were started. */
  async versions(): Promise<Versions> {
    const all = Object.values(this.#urls).map(([url = '']) => serverVersion(url))
    return Object.fromEntries(await Promise.all(all))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#stops.map((stop) => stop()))
    await rm(this.#folder, { recursive: true, force: true })
  }
}

// A write-ahead log is a property of the file: every process that opens it has it.
function createFile(file: string): string {
  const client = new SQLite(file)
  client.pragma('journal_mode = wal')
  client.close()
  return file
}

async function createOnPostgres(url: string, statement: string): Promise<void> {
  const client = openPostgres(url, { max: 1 })
  await client.unsafe(statement)
  await client.end()
}

async function createOnMariadb(url: string, statement: string): Promise<void> {
  const client = await createConnection(url)
  await client.query(statement)
  await client.end()
}
