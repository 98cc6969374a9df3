import type { IncomingMessage, ServerResponse } from 'node:http'
import type { SessionManager } from '@scs/core'
import { expect } from 'vitest'
import { conversation } from '../conversation.ts'
import type { Exchange } from '../exchange.ts'
import type { Stage } from '../stage.ts'
import type { CaseStore } from '../stores.ts'

interface Pair {
  readonly outer: SessionManager
  readonly inner: SessionManager
  readonly ofOuter: CaseStore
  readonly ofInner: CaseStore
}

function pair(stage: Stage): Pair {
  const [ofOuter, ofInner] = [stage.makeStore(), stage.makeStore()]
  return {
    outer: stage.makeManager({ store: ofOuter, cookie: { name: 'outer' } }),
    inner: stage.makeManager({ store: ofInner, cookie: { name: 'inner' } }),
    ofOuter,
    ofInner,
  }
}

const handler =
  ({ outer, inner }: Pair) =>
  ({ ctx, path, answer }: Exchange) => {
    if (path === '/put') {
      outer.put(ctx, 'a', 'of outer')
      inner.put(ctx, 'a', 'of inner')
    }
    return answer({ body: `${outer.getString(ctx, 'a')}, ${inner.getString(ctx, 'a')}` })
  }

const names = (lines: readonly string[]) => lines.map((line) => line.split('=')[0])

conversation(
  'two managers keep two sessions: both commits before the first byte, the inner first',
  async (stage) => {
    const both = pair(stage)
    const client = stage.connect(await stage.serve([both.outer, both.inner], handler(both)))
    const hold = both.ofOuter.hold()
    const opened = client.open('/put')
    await hold.arrived
    expect([both.ofInner.size, both.ofOuter.size]).toEqual([1, 0])
    hold.release()
    const { header } = await opened.head()
    expect([both.ofInner.size, both.ofOuter.size]).toEqual([1, 1])
    expect(names(header('set-cookie'))).toEqual(['inner', 'outer'])
    expect(linesOf(header('vary'))).toEqual(['Cookie', 'Cookie'])
    expect(linesOf(header('cache-control'))).toEqual(Array(2).fill('no-cache="Set-Cookie"'))
    client.keep(header('set-cookie'))
    expect((await client.get('/')).body).toBe('of outer, of inner')
  },
)

conversation('the outer commit fails: the inner cookie stays on the answer', async (stage) => {
  const both = pair(stage)
  const client = stage.connect(await stage.serve([both.outer, both.inner], handler(both)))
  both.ofOuter.fault = new Error('disk full')
  const { status, body, header } = await client.get('/put')
  expect([status, body]).toEqual([500, 'failed: disk full'])
  expect(names(header('set-cookie'))).toEqual(['inner'])
  expect(header('cache-control')).toEqual(['no-cache="Set-Cookie"'])
  expect(linesOf(header('vary'))).toEqual(['Cookie', 'Cookie'])
})

// Whatever errorFunc does to the headers: the inner session is committed, and its client is to have the token.
const clearings: Record<string, (res: ServerResponse) => unknown> = {
  'a cookie of its own': (res) => res.setHeader('Set-Cookie', 'flash=1'),
  'a cookie by writeHead': (res) => res.writeHead(500, { 'Set-Cookie': 'flash=1' }),
  'every header removed': (res) => {
    for (const name of res.getHeaderNames()) res.removeHeader(name)
    res.setHeader('Set-Cookie', ['flash=1'])
  },
}
for (const [name, clear] of Object.entries(clearings)) {
  conversation(
    `the outer commit fails: the inner cookie stays on an answer with ${name}`,
    { needs: ['raw'] },
    async (stage) => {
      const [ofOuter, ofInner] = [stage.makeStore(), stage.makeStore()]
      const errorFunc = (_req: IncomingMessage, res: ServerResponse) => {
        clear(res)
        res.end('failed')
      }
      const both = {
        outer: stage.makeManager({ store: ofOuter, cookie: { name: 'outer' }, errorFunc }),
        inner: stage.makeManager({ store: ofInner, cookie: { name: 'inner' } }),
      }
      const client = stage.connect(
        await stage.serve([both.outer, both.inner], handler({ ...both, ofOuter, ofInner })),
      )
      ofOuter.fault = new Error('disk full')
      const { body, header } = await client.get('/put')
      expect(body).toBe('failed')
      expect(names(header('set-cookie'))).toEqual(['flash', 'inner'])
      expect(header('cache-control')).toEqual(['no-cache="Set-Cookie"'])
      client.keep(header('set-cookie'))
      expect((await client.get('/')).body).toBe(', of inner')
    },
  )
}

conversation(
  'the inner commit fails: the outer session is committed with the answer',
  async (stage) => {
    const both = pair(stage)
    const client = stage.connect(await stage.serve([both.outer, both.inner], handler(both)))
    both.ofInner.fault = new Error('disk full')
    const { status, body, header } = await client.get('/put')
    expect([status, body]).toEqual([500, 'failed: disk full'])
    expect(names(header('set-cookie'))).toEqual(['outer'])
    expect(linesOf(header('vary'))).toEqual(['Cookie', 'Cookie'])
    expect([both.ofInner.size, both.ofOuter.size]).toEqual([0, 1])
  },
)

conversation('both commits fail: one clean answer without a cookie', async (stage) => {
  const both = pair(stage)
  const client = stage.connect(await stage.serve([both.outer, both.inner], handler(both)))
  both.ofInner.fault = new Error('inner down')
  both.ofOuter.fault = new Error('outer down')
  const { status, body, header } = await client.get('/put')
  expect([status, body]).toEqual([500, 'failed: outer down'])
  expect(header('set-cookie')).toEqual([])
  expect(linesOf(header('vary'))).toEqual(['Cookie', 'Cookie'])
})

const tooManyListeners: Error[] = []
process.on('warning', (warning) => {
  if (warning.name === 'MaxListenersExceededWarning') tooManyListeners.push(warning)
})

conversation('six managers on one request cause no warning', async (stage) => {
  const managers = Array.from('abcdef', (name) =>
    stage.makeManager({ store: stage.makeStore(), cookie: { name } }),
  )
  const client = stage.connect(
    await stage.serve(managers, ({ ctx, path, answer }) => {
      if (path === '/put') for (const manager of managers) manager.put(ctx, 'foo', 'bar')
      return answer({ body: managers.map((manager) => manager.getString(ctx, 'foo')).join() })
    }),
  )
  expect((await client.get('/put')).header('set-cookie')).toHaveLength(6)
  expect((await client.get('/')).body).toBe('bar,bar,bar,bar,bar,bar')
  expect(tooManyListeners).toEqual([])
})

conversation('one manager twice is one session', async (stage) => {
  const manager = stage.makeManager({ store: stage.makeStore() })
  const serving = await stage.serve([manager, manager], ({ ctx, path, answer }) => {
    if (path === '/put') manager.put(ctx, 'a', 'b')
    return answer({ body: manager.getString(ctx, 'a') })
  })
  const client = stage.connect(serving)
  // Each commits, and sets the cookie: the same one.
  const lines = (await client.get('/put')).header('set-cookie')
  expect(new Set(lines.map((line) => line.split(';')[0])).size).toBe(1)
  expect((await client.get('/')).body).toBe('b')
})

// Lines of one header are joined with or without a blank.
function linesOf(lines: readonly string[]): string[] {
  return lines.join(',').split(/, ?/)
}

conversation(
  'two managers with one cookie name are an error that errorFunc of the inner one answers',
  async (stage) => {
    const [outer, inner] = [0, 1].map(() => stage.makeManager({ store: stage.makeStore() }))
    if (!outer || !inner) throw new Error('there are two')
    const serving = await stage.serve([outer, inner], ({ answer }) => answer({ body: 'served' }))
    const { status, body } = await stage.connect(serving).get('/')
    expect([status, body]).toEqual([
      500,
      "failed: two session managers of one request have the cookie name 'session', and would overwrite each other's cookie: give one of them another cookie.name",
    ])
  },
)

conversation(
  'one manager twice around a request is one session, and its cookie is written without an error',
  async (stage) => {
    const errors: unknown[] = []
    const store = stage.makeStore()
    const manager = stage.makeManager({ store, onError: (error) => errors.push(error) })
    const serving = await stage.serve([manager, manager], async ({ ctx, path, answer }) => {
      if (path === '/put') manager.put(ctx, 'a', 'b')
      if (path === '/renew') await manager.renewToken(ctx)
      if (path === '/destroy') await manager.destroy(ctx)
      return answer({ body: manager.getString(ctx, 'a') })
    })
    const client = stage.connect(serving)
    for (const path of ['/put', '/renew', '/destroy']) {
      const { status, header } = await client.get(path)
      expect([status, names(header('set-cookie'))]).toEqual([200, ['session']])
      expect((await client.get('/')).body).toBe(path === '/destroy' ? '' : 'b')
    }
    expect(errors).toEqual([])
  },
)
