import { mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { testStore } from '@scs/store-tests'
import { describe, expect, it } from 'vitest'
import { Browser } from '../../test-support/browser.ts'
import { startExample, temporaryFolder } from '../../test-support/start-example.ts'
import { FileStore } from '../src/file-store.ts'

testStore(
  { describe, it },
  'FileStore',
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'scs-file-store-'))
    return {
      store: new FileStore(folder),
      [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
    }
  },
  { without: ['atomic', 'scan', 'all', 'extras'] },
)

describe('a folder of sessions', () => {
  const later = new Date(Date.now() + 60_000)
  const data = Uint8Array.of(1, 2, 3)

  it('holds one file for a session, and no draft', async () => {
    const folder = temporaryFolder()
    const store = new FileStore(folder)
    await Promise.all(Array.from({ length: 20 }, () => store.commit('token', data, later)))

    expect(await readdir(folder)).toHaveLength(1)
    await store.delete('token')
    expect(await readdir(folder)).toEqual([])
  })

  it('never names a token, nor lets one name another file', async () => {
    const folder = temporaryFolder()
    const store = new FileStore(join(folder, 'sessions'))
    await store.commit('../outside', data, later)

    expect(await readdir(folder)).toEqual(['sessions'])
    expect((await readdir(join(folder, 'sessions')))[0]).toMatch(/^[0-9a-f]{64}$/)
  })

  it.skipIf(process.platform === 'win32')('is for its owner alone', async () => {
    const folder = join(temporaryFolder(), 'sessions')
    await new FileStore(folder).commit('token', data, later)

    const [file = ''] = await readdir(folder)
    expect((await stat(folder)).mode & 0o777).toBe(0o700)
    expect((await stat(join(folder, file))).mode & 0o777).toBe(0o600)
  })

  it('rejects when a file cannot be read or written, in place of finding no session', async () => {
    const folder = temporaryFolder()
    const store = new FileStore(folder)
    await store.commit('token', data, later)
    const file = join(folder, (await readdir(folder))[0] ?? '')
    await rm(file)
    await mkdir(file)

    await expect(store.find('token')).rejects.toThrow('EISDIR')
    await expect(store.commit('token', data, later)).rejects.toThrow()
    await expect(store.delete('token')).rejects.toThrow()
  })
})

it('serves sessions that outlive the process', async () => {
  const folder = temporaryFolder()
  const first = await startExample('custom-store', folder)
  const browser = new Browser(first.url)
  expect(await browser.get('/')).toBe('Visit 1\n')
  expect(await browser.get('/')).toBe('Visit 2\n')
  expect(await first.stop()).toBe(0)

  const { url } = await startExample('custom-store', folder)
  const returned = new Browser(url)
  returned.plant('session', browser.cookie('session') ?? '')
  expect(await returned.get('/')).toBe('Visit 3\n')
})
