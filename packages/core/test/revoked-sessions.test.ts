import { describe, expect, it } from 'vitest'
import { contextOf } from '../src/index.ts'
import { Client } from './support/client.ts'
import { code, load, world } from './support/overlap.ts'
import { serve } from './support/servers.ts'

describe('a session that was revoked, over HTTP', () => {
  it('the response of the handler is sent, without a session cookie', async () => {
    const { manager, elsewhere, session, errors } = world(2)
    const token = await session()
    await using server = await serve(
      manager.loadAndSave(async (req, res) => {
        const ctx = contextOf(req)
        await elsewhere.destroy(await load(elsewhere, token))
        manager.put(ctx, 'b', 2)
        res.end('answered')
      }),
    )
    const client = new Client(server.url)
    client.cookies.set('session', token)
    const answer = await client.get('/')
    expect(answer).toMatchObject({ status: 200, body: 'answered' })
    expect(answer.header('set-cookie')).toEqual([])
    expect(errors.map(code)).toEqual(['ERR_SESSION_REVOKED'])
  })

  for (const late of [false, true]) {
    it(`a change ${late ? 'after the first byte throws, and changes nothing' : 'before the first byte is seen by the request, and never stored'}`, async () => {
      const { manager, elsewhere, session, store } = world(2)
      const token = await session()
      const seen: unknown[] = []
      await using server = await serve(
        manager.loadAndSave(async (req, res) => {
          const ctx = contextOf(req)
          await elsewhere.destroy(await load(elsewhere, token))
          manager.put(ctx, 'b', 2)
          await manager.commit(ctx)
          if (late) {
            res.write('first')
            expect(() => manager.put(ctx, 'c', 3)).toThrow(
              expect.objectContaining({ code: 'ERR_SESSION_HEADERS_SENT' }),
            )
          } else manager.put(ctx, 'c', 3)
          seen.push(await manager.commit(ctx), manager.status(ctx), manager.keys(ctx))
          res.end()
        }),
      )
      const client = new Client(server.url)
      client.cookies.set('session', token)
      expect((await client.get('/')).status).toBe(200)
      expect(seen).toEqual([undefined, 'revoked', late ? ['a', 'b'] : ['a', 'b', 'c']])
      expect(store.size).toBe(0)
    })
  }

  for (const explicit of [false, true]) {
    it(`errorFunc answers a sign-in whose session another request has renewed${explicit ? ', also when the handler ignores its own failed commit' : ''}`, async () => {
      const failures: unknown[] = []
      const { manager, elsewhere, session } = world(2, {
        errorFunc: (_req, res, error) => {
          failures.push(code(error))
          res.statusCode = 500
          res.end('failed')
        },
      })
      const token = await session()
      await using server = await serve(
        manager.loadAndSave(async (req, res) => {
          const ctx = contextOf(req)
          const other = await load(elsewhere, token)
          await elsewhere.renewToken(other)
          await elsewhere.commit(other)
          await manager.renewToken(ctx)
          manager.put(ctx, 'userID', 1)
          if (explicit) await manager.commit(ctx).catch(() => {})
          res.end('welcome')
        }),
      )
      const client = new Client(server.url)
      client.cookies.set('session', token)
      const answer = await client.get('/')
      expect(answer).toMatchObject({ status: 500, body: 'failed' })
      expect(answer.header('set-cookie')).toEqual([])
      expect(failures).toEqual(['ERR_SESSION_REVOKED'])
    })
  }
})
