import { spawnSync } from 'node:child_process'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { delimiter, join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { Browser } from '../../test-support/browser.ts'
import { programOf, startExample, temporaryFolder } from '../../test-support/start-example.ts'

it('keeps the message for the browser that put it, and for no other', async () => {
  const { url } = await startExample('hello', temporaryFolder())
  const browser = new Browser(url)

  expect(await browser.get('/')).toBe('')
  expect(await browser.get('/put')).toBe('')
  expect(await browser.get('/')).toBe('Hello from a session!')
  expect(await new Browser(url).get('/')).toBe('')
})

it('keeps the message over a restart', async () => {
  const folder = temporaryFolder()
  const first = await startExample('hello', folder)
  const port = new URL(first.url).port
  const browser = new Browser(first.url)
  await browser.get('/put')
  expect(await first.stop()).toBe(0)

  const second = await startExample('hello', folder, { PORT: port })
  expect(second.url).toBe(first.url)
  expect(await browser.get('/')).toBe('Hello from a session!')
})

const hasCurl = spawnSync('curl', ['--version']).status === 0

it('prints three curl lines to try', async () => {
  const { url, output } = await startExample('hello', temporaryFolder())
  await expect.poll(() => curlLines(output())).toHaveLength(3)

  for (const line of curlLines(output())) expect(line).toContain(`${url}/`)
})

it.skipIf(!hasCurl)('the three curl lines work', async () => {
  const folder = temporaryFolder()
  const { output } = await startExample('hello', folder)
  await expect.poll(() => curlLines(output())).toHaveLength(3)

  const [put, get, other] = curlLines(output()).map((line) =>
    spawnSync('sh', ['-c', line], { cwd: folder, encoding: 'utf8' }),
  )
  expect(put?.stdout).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
  expect(put?.stdout).toMatch(/^set-cookie: session=[\w-]{43}; /im)
  expect(get?.stdout).toBe('Hello from a session!')
  expect(other?.status).toBe(0)
  expect(other?.stdout).toBe('')
})

it('a port that is taken is one clear line', async () => {
  const server = createServer().listen(0)
  onTestFinished(() => {
    server.close()
  })
  const { port } = server.address() as AddressInfo

  const { status, stderr } = run(process.execPath, { PORT: String(port) })
  expect(stderr).toMatch(new RegExp(`^Port ${port}: .*EADDRINUSE.* with PORT\\.\n$`))
  expect(status).toBe(1)
})

function curlLines(output: string): string[] {
  return output.match(/curl .+(?=\n)/g) ?? []
}

const oldNode = findOldNode()

it.skipIf(oldNode === undefined)('a Node that is too old is one clear line', () => {
  const { status, stdout, stderr } = run(oldNode ?? '')
  expect(stderr).toMatch(/^This example needs Node 22 or later; this is \d+\.\d+\.\d+\..*\n$/)
  expect(stdout).toBe('')
  expect(status).toBe(1)
})

function run(node: string, env: NodeJS.ProcessEnv = {}) {
  return spawnSync(node, [programOf('hello')], {
    cwd: temporaryFolder(),
    encoding: 'utf8',
    env: { ...process.env, ...env },
    timeout: 50_000,
  })
}

// The machine's own Node, where that is an old one.
function findOldNode(): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/bin', '/usr/local/bin']
  return folders
    .map((folder) => join(folder, 'node'))
    .find((node) => {
      const { stdout } = spawnSync(node, ['-p', 'process.versions.node'], { encoding: 'utf8' })
      return stdout ? Number.parseInt(stdout, 10) < 22 : false
    })
}
