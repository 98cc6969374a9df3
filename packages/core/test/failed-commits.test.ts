import { once } from 'node:events'
import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { type Context, contextOf, type SessionManager } from '../src/index.ts'
import { Client } from './support/client.ts'
import { code, kinds, load, outage, world } from './support/overlap.ts'
import { serve } from './support/servers.ts'

const swaps = (calls: readonly string[]) => calls.filter((call) => call === 'swap').length

for (const [kind, turns] of kinds) {
  describe(`after errorFunc was called, on a store that is ${kind}`, () => {
    /** A handler that changes the session; its commit fails. What came to `errorFunc`. */
    function failing(act: (manager: SessionManager, ctx: Context) => unknown = () => {}) {
      const failures: unknown[] = []
      const made = world(turns, {
        errorFunc: (req, res, error) => {
          failures.push(error)
          made.manager.put(contextOf(req), 'late', 1)
          res.statusCode = 500
          res.end('failed')
        },
      })
      const gone = Promise.withResolvers<void>()
      const reached = Promise.withResolvers<void>()
      const listener = made.manager.loadAndSave(async (req, res) => {
        const ctx = contextOf(req)
        await act(made.manager, ctx)
        made.manager.put(ctx, 'a', 1)
        reached.resolve()
        if (req.url === '/left') {
          await once(res, 'close')
          setImmediate(gone.resolve)
        }
        made.store.calls.length = 0
        res.end('welcome')
      })
      const settled = async () => {
        for (let n = 0; n < 20; n++) await turn()
      }
      return { ...made, failures, listener, gone, reached, settled }
    }

    it('one commit of a new session has reached the store, when the client has left and the commit fails', async () => {
      const { store, failures, listener, gone, reached, settled, rows } = failing()
      store.fault('before')
      await using server = await serve(listener)
      const request = new Client(server.url).open('/left')
      await reached.promise
      request.abort()
      await gone.promise
      while (failures.length === 0) await turn()
      await settled()
      expect(failures).toEqual([expect.objectContaining({ message: 'connection lost' })])
      expect(swaps(store.calls)).toBe(1)
      expect(rows()).toEqual({})
    })

    it('the four tries of one commit of a stored session have reached the store, when the client has left and the commit fails', async () => {
      const { store, session, failures, errors, listener, gone, reached, settled, read } = failing()
      const token = await session({ n: 0 })
      outage(store, 'before')
      await using server = await serve(listener)
      const client = new Client(server.url)
      client.cookies.set('session', token)
      const request = client.open('/left')
      await reached.promise
      request.abort()
      await gone.promise
      while (failures.length === 0) await turn()
      await settled()
      expect(failures).toEqual([expect.objectContaining({ message: 'connection lost' })])
      expect(errors).toEqual([])
      expect(swaps(store.calls)).toBe(4)
      expect(read(token)).toEqual({ n: 0 })
    })

    it('one commit of a new session has reached the store, and the change that errorFunc made is not stored', async () => {
      const { store, failures, listener, settled, rows } = failing()
      store.fault('before')
      await using server = await serve(listener)
      const client = new Client(server.url)
      const answer = await client.get('/')
      await settled()
      expect(answer).toMatchObject({ status: 500, body: 'failed' })
      expect(answer.header('set-cookie')).toEqual([])
      expect(failures).toHaveLength(1)
      expect(swaps(store.calls)).toBe(1)
      expect(rows()).toEqual({})
    })

    it('the four tries of one commit of a stored session have reached the store', async () => {
      const { store, session, failures, listener, settled, read } = failing()
      const token = await session({ n: 0 })
      await using server = await serve(listener)
      const client = new Client(server.url)
      client.cookies.set('session', token)
      outage(store, 'before')
      expect(await client.get('/')).toMatchObject({ status: 500, body: 'failed' })
      await settled()
      expect(failures).toHaveLength(1)
      expect(swaps(store.calls)).toBe(4)
      expect(read(token)).toEqual({ n: 0 })
    })

    it('errorFunc receives ERR_SESSION_IN_DOUBT when the handler has ignored its own failed commit', async () => {
      const { store, session, failures, listener, read } = failing(async (manager, ctx) => {
        manager.put(ctx, 'mine', 1)
        outage(store, 'before')
        await expect(manager.commit(ctx)).rejects.toThrow('connection lost')
      })
      const token = await session({ n: 0 })
      await using server = await serve(listener)
      const client = new Client(server.url)
      client.cookies.set('session', token)
      expect(await client.get('/')).toMatchObject({ status: 500, body: 'failed' })
      expect(failures.map(code)).toEqual(['ERR_SESSION_IN_DOUBT'])
      expect(swaps(store.calls)).toBe(0)
      expect(read(token)).toEqual({ n: 0 })
    })
  })
}

describe('a synchronous store', () => {
  for (const [what, act] of Object.entries<(manager: SessionManager, ctx: Context) => unknown>({
    'a change': (manager, ctx) => manager.put(ctx, 'b', 2),
    'an update': (manager, ctx) => manager.update(ctx, 'b', () => 2),
    'a renewal': (manager, ctx) => {
      manager.put(ctx, 'b', 2)
      void manager.renewToken(ctx)
    },
    'a merge': (manager, ctx) => void manager.mergeSession(ctx, 'other'),
  })) {
    for (const isNew of [true, false]) {
      it(`commits ${what} of a ${isNew ? 'new' : 'stored'} session synchronously: loadAndSave returns no promise`, async () => {
        const { manager, session, store, rows } = world(0)
        const token = isNew ? '' : await session({ a: 1 })
        const merged = await session({ b: 2 })
        // Filed under a token that the handler knows.
        const bytes = store.memory.find(merged) ?? Buffer.of()
        store.memory.delete(merged)
        store.memory.commit('other', bytes, new Date(Date.now() + 1000))
        const listener = manager.loadAndSave((req, res) => {
          act(manager, contextOf(req))
          res.end()
        })
        const req = new IncomingMessage(new Socket())
        if (token) req.headers.cookie = `session=${token}`
        const res = new ServerResponse(req)
        expect(listener(req, res)).toBeUndefined()
        expect(swaps(store.calls)).toBe(1)
        expect(res.writableEnded).toBe(true)
        const expected = isNew ? { b: 2 } : { a: 1, b: 2 }
        expect(Object.values(rows())).toContainEqual(expected)
        expect(String(res.getHeader('set-cookie'))).toMatch(/^session=.{43};/)
      })
    }
  }

  it('returns a promise of loadAndSave after a conflict, and the response is complete when it is fulfilled', async () => {
    const { manager, elsewhere, session, read } = world(0)
    const token = await session({ n: 0 })
    const other = await load(elsewhere, token)
    elsewhere.put(other, 'b', 2)
    const listener = manager.loadAndSave((req, res) => {
      manager.put(contextOf(req), 'c', 3)
      // Nothing of it is asynchronous.
      void elsewhere.commit(other)
      res.end()
    })
    const req = new IncomingMessage(new Socket())
    req.headers.cookie = `session=${token}`
    const res = new ServerResponse(req)
    const listened = listener(req, res)
    expect(listened).toBeInstanceOf(Promise)
    await listened
    expect(res.writableEnded).toBe(true)
    expect(read(token)).toEqual({ n: 0, b: 2, c: 3 })
  })
})
