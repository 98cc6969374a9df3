import { once } from 'node:events'
import { createServer, type IncomingMessage, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  background,
  contextOf,
  day,
  JsonCodec,
  MemoryStore,
  SessionManager,
  type SessionManagerOptions,
} from '../src/index.ts'

// Departures from SCS that docs/from-scs.md names, and no transcript shows.

const empty = background()

describe('departures from SCS', () => {
  it('an explicit commit of a new session after the first byte rejects, and writes nothing', async () => {
    const store = new MemoryStore({ cleanupInterval: 0 })
    const manager = new SessionManager({ store })
    const ctx = await manager.load(empty, undefined)
    await manager.commitAndWriteSessionCookie(ctx, new Headers())
    await expect(manager.commit(ctx)).rejects.toMatchObject({ code: 'ERR_SESSION_HEADERS_SENT' })
    expect(store.all().size).toBe(0)
  })

  it.each<SessionManagerOptions>([
    { lifetime: -1 },
    { idleTimeout: -1 },
    { touchInterval: -1, idleTimeout: day },
    { storeTimeout: -1 },
  ])('a negative duration is refused: %j', (options) => {
    expect(() => new SessionManager(options)).toThrow(TypeError)
  })

  it('a token outside the cookie grammar is percent-encoded, and its escapes are not decoded when it is read', async () => {
    const manager = new SessionManager()
    const headers = new Headers()
    manager.writeSessionCookie(empty, headers, 'a "b"', undefined)
    const [line = ''] = headers.getSetCookie()
    expect(line).toMatch(/^session=a%20%22b%22;/)
    const cookie = line.slice(0, line.indexOf(';'))
    expect(await opened(manager, cookie)).toEqual([])
  })

  it('blanks and tabs around a value are trimmed; a quoted token is not found', async () => {
    const manager = new SessionManager()
    const ctx = await manager.load(empty, undefined)
    manager.put(ctx, 'n', 1)
    const token = (await manager.commit(ctx))?.token
    for (const cookie of [`session=${token}`, `session= ${token}`, `session=\t${token} \t; a=b`]) {
      expect(await opened(manager, cookie)).toEqual(['n'])
    }
    expect(await opened(manager, `session="${token}"`)).toEqual([])
  })

  it('a session that ends after 2262 is found', async () => {
    const manager = new SessionManager({ lifetime: 300 * 366 * day })
    const ctx = await manager.load(empty, undefined)
    manager.put(ctx, 'n', 1)
    const committed = await manager.commit(ctx)
    expect(committed?.expiry.getUTCFullYear()).toBeGreaterThan(2262)
    expect(manager.keys(await manager.load(empty, committed?.token))).toEqual(['n'])
  })

  it('a codec that returns null for values makes the session unreadable', async () => {
    class NullCodec extends JsonCodec {
      override decode() {
        return { deadline: new Date(Date.now() + day), values: null as never }
      }
    }
    const errors: unknown[] = []
    const manager = new SessionManager({
      codec: new NullCodec(),
      onError: (error) => void errors.push(error),
    })
    const committed = await manager.commit(await manager.load(empty, undefined))
    expect(manager.keys(await manager.load(empty, committed?.token))).toEqual([])
    expect(errors).toMatchObject([{ code: 'ERR_SESSION_UNREADABLE' }])
  })
})

/** The keys of the session that a request with this Cookie header has. */
async function opened(manager: SessionManager, cookie: string): Promise<string[]> {
  const listener = manager.loadAndSave((req, res) => {
    res.end(JSON.stringify(manager.keys(contextOf(req))))
  })
  const server = createServer(listener).listen(0)
  onTestFinished(() => {
    server.close()
  })
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const req = request({ port, headers: { cookie }, agent: false }).end()
  const [res] = (await once(req, 'response')) as [IncomingMessage]
  return JSON.parse(await text(res))
}
