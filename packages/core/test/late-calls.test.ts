import { once } from 'node:events'
import { setImmediate as turn } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { contextOf } from '../src/index.ts'
import { Client } from './support/client.ts'
import { world } from './support/overlap.ts'
import { serve } from './support/servers.ts'

it('when the client leaves while calls that nobody awaits are pending, nothing is committed without them', async () => {
  const failures: unknown[] = []
  const errorFunc = (_req: unknown, _res: unknown, error: unknown) => failures.push(error)
  const { manager, store, session, rows, errors } = world(3, { errorFunc })
  const [token, other] = [await session({ a: 1 }), await session({ b: 2 })]
  const called = Promise.withResolvers<void>()
  const left = Promise.withResolvers<void>()
  const listener = manager.loadAndSave(async (req, res) => {
    const ctx = contextOf(req)
    manager.put(ctx, 'c', 3)
    // The row is not found before the client has left: the merge rejects.
    store.find = () => new Promise(() => {})
    void manager.mergeSession(ctx, other)
    void manager.renewToken(ctx)
    res.write('welcome')
    called.resolve()
    await once(res, 'close')
    setImmediate(left.resolve)
  })
  await using server = await serve(listener)
  const client = new Client(server.url)
  client.cookies.set('session', token)
  const request = client.open('/')
  await called.promise
  request.abort()
  await left.promise
  for (let n = 0; n < 30; n++) await turn()
  expect(rows()).toEqual({ [token]: { a: 1 }, [other]: { b: 2 } })
  expect(failures).toEqual([expect.objectContaining({ name: 'AbortError' })])
  expect(errors).toEqual([])
})
