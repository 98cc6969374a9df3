import type { Context, SessionManager } from '@scs/core'
import { describe, expect } from 'vitest'
import { conversation } from '../conversation.ts'
import { get, put } from '../routes.ts'
import type { Route } from '../stage.ts'

/** Calls that a handler may forget to await. */
const calls: Readonly<
  Record<string, (manager: SessionManager, ctx: Context, other: string) => Promise<unknown>>
> = {
  destroy: (manager, ctx) => manager.destroy(ctx),
  renewToken: (manager, ctx) => manager.renewToken(ctx),
  mergeSession: (manager, ctx, other) => manager.mergeSession(ctx, other),
  commit(manager, ctx) {
    manager.put(ctx, 'foo', 'changed')
    return manager.commit(ctx)
  },
}

describe('the response waits for a call that nobody awaits', () => {
  conversation('destroy: the cookie is deleted, and the row is gone', async (stage) => {
    const { client, store } = await stage.open({ '/put': put, '/out': forgetting('destroy') })
    await client.get('/put')
    expect(store.size).toBe(1)
    const { status, header } = await client.get('/out')
    expect([status, store.size]).toEqual([200, 0])
    expect(header('set-cookie')).toEqual([expect.stringMatching(/^session=;.*Max-Age=0/)])
  })

  conversation('renewToken: the response has the new token', async (stage) => {
    const { client, store } = await stage.open({
      '/put': put,
      '/renew': forgetting('renewToken'),
      '/get': get,
    })
    await client.get('/put')
    const before = client.cookies.get('session')
    await client.get('/renew')
    expect(client.cookies.get('session')).not.toBe(before)
    expect(store.size).toBe(1)
    expect((await client.get('/get')).body).toBe('bar')
  })

  conversation('mergeSession: the response comes after the merge', async (stage) => {
    const { client, store } = await stage.open({
      '/put': put,
      '/merge': forgetting('mergeSession'),
      '/get': get,
    })
    await client.get('/put')
    const other = client.cookies.get('session')
    client.cookies.delete('session')
    await client.get(`/merge?token=${other}`)
    expect(store.size).toBe(1)
    expect((await client.get('/get')).body).toBe('bar')
  })

  conversation('commit: the response comes after the commit', async (stage) => {
    const { client } = await stage.open({ '/put': put, '/set': forgetting('commit'), '/get': get })
    await client.get('/put')
    await client.get('/set')
    expect((await client.get('/get')).body).toBe('changed')
  })

  for (const name of ['destroy', 'mergeSession', 'commit']) {
    conversation(`${name} that fails is answered by errorFunc`, async (stage) => {
      const { client, store } = await stage.open({ '/put': put, '/call': forgetting(name) })
      await client.get('/put')
      const other = client.cookies.get('session')
      if (name === 'mergeSession') client.cookies.delete('session')
      store.fault = new Error('disk full')
      if (name === 'mergeSession') store.readFault = store.fault
      // One that fails at once has failed before a server answers that does so in a later turn.
      store.ms ||= 1
      const { status, body, header } = await client.get(`/call?token=${other}`)
      expect([status, body, header('set-cookie')]).toEqual([500, 'failed: disk full', []])
    })
  }

  conversation(
    'a handler that writes while it awaits the call is answered',
    { needs: ['response'] },
    async (stage) => {
      const { client, store } = await stage.open({
        '/put': put,
        '/out': async (exchange, manager) => {
          const { res } = exchange.raw()
          const destroyed = manager.destroy(exchange.ctx)
          res.write('good')
          await destroyed
          res.end('bye')
        },
      })
      await client.get('/put')
      const { body, header } = await client.get('/out')
      expect([body, store.size]).toEqual(['goodbye', 0])
      expect(header('set-cookie')).toHaveLength(1)
    },
  )

  conversation(
    'a handler that handles the rejection itself does not keep errorFunc from answering',
    { needs: ['response'] },
    async (stage) => {
      const { client, store } = await stage.open({
        '/put': put,
        '/out': async (exchange, manager) => {
          const { res } = exchange.raw()
          const destroyed = manager.destroy(exchange.ctx).catch(() => {})
          res.write('SECRET')
          await destroyed
          res.end('SECRET')
        },
      })
      await client.get('/put')
      store.fault = new Error('disk full')
      store.ms ||= 1
      expect(await client.get('/out')).toMatchObject({ status: 500, body: 'failed: disk full' })
    },
  )
})

describe('a call that has failed before the first byte, and that nobody awaits', () => {
  for (const name of ['destroy', 'mergeSession', 'commit']) {
    conversation(
      `${name} is answered by errorFunc, and is no unhandled rejection`,
      { needs: ['response'] },
      async (stage) => {
        const { client, store } = await stage.open({
          '/put': put,
          '/call': async (exchange, manager) => {
            const other = exchange.query.get('token') ?? ''
            const call = calls[name]?.(manager, exchange.ctx, other)
            // Tells when it is over, and is not what `await` calls.
            await new Promise((over) => Promise.prototype.then.call(call, over, over))
            return exchange.answer({})
          },
        })
        await client.get('/put')
        const other = client.cookies.get('session')
        if (name === 'mergeSession') client.cookies.delete('session')
        store.fault = new Error('disk full')
        if (name === 'mergeSession') store.readFault = store.fault
        const { status, body, header } = await client.get(`/call?token=${other}`)
        expect([status, body, header('set-cookie')]).toEqual([500, 'failed: disk full', []])
      },
    )
  }
})

conversation('a call that was awaited holds nothing', async (stage) => {
  const { client, store } = await stage.open({
    '/put': put,
    '/out': async (exchange, manager) => {
      await manager.destroy(exchange.ctx).catch(() => {})
      return exchange.answer({ body: 'still here' })
    },
  })
  await client.get('/put')
  store.fault = new Error('disk full')
  expect(await client.get('/out')).toMatchObject({ status: 200, body: 'still here' })
})

function forgetting(name: string): Route {
  return (exchange, manager) => {
    calls[name]?.(manager, exchange.ctx, exchange.query.get('token') ?? '')
    return exchange.answer({})
  }
}
