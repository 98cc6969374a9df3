import { createServer, IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { describe, expect, test } from 'vitest'
import {
  background,
  bindContext,
  checkManager,
  contextKey,
  contextOf,
  MemoryStore,
  SessionManager,
  withSignal,
  withValue,
} from '../src/index.ts'

// As JavaScript calls them.
type Loose = Record<string, (...args: unknown[]) => unknown>

const manager = () => new SessionManager({ store: new MemoryStore({ cleanupInterval: 0 }) })
const loose = (object: object): Loose => object as unknown as Loose

const handler = 'sessionManager.loadAndSave takes a handler, (req, res) => …, and was given '

describe('loadAndSave of the manager', () => {
  test.each<[string, unknown[], string]>([
    ['without a handler', [], 'undefined'],
    ['with null', [null], 'null'],
    ['with an application that is no function', [{ callback() {} }], 'an object'],
  ])('%s is a TypeError at once', (_what, args, given) => {
    const call = () => loose(manager()).loadAndSave?.(...args)
    expect(call).toThrow(TypeError)
    expect(call).toThrow(`${handler}${given}: call it with one; `)
  })

  test('given to a framework uncalled, it says so at the first request', () => {
    const { loadAndSave } = loose(manager())
    const req = new IncomingMessage(new Socket())
    const res = new ServerResponse(req)
    const next = () => undefined
    expect(() => loadAndSave?.(req, res, next)).toThrow(`${handler}an instance of IncomingMessage`)
    expect(() => loadAndSave?.({ req, res }, next)).toThrow(`${handler}an object`)
    const server = createServer(loadAndSave as never)
    expect(() => server.emit('request', req, res)).toThrow(handler)
  })

  test('taken off its manager, it says so', () => {
    const { loadAndSave } = loose(manager())
    for (const owner of [undefined, {}, 5]) {
      expect(() => Reflect.apply(loadAndSave as () => unknown, owner, [() => undefined])).toThrow(
        new TypeError(
          'loadAndSave is a method: call sessionManager.loadAndSave(…), not the function alone',
        ),
      )
    }
  })
})

const context = (method: string) =>
  `${method} takes a context, contextOf(req) or background(), and was given `

describe('a context that is none', () => {
  test.each([undefined, null, 'ctx', {}, new Request('http://localhost/')])('%o', async (ctx) => {
    const sessions = loose(manager())
    const load = sessions.load?.(ctx, '')
    await expect(load).rejects.toThrow(TypeError)
    await expect(load).rejects.toThrow(context('load'))
    const iterating = sessions.iterate?.(ctx, () => undefined)
    await expect(iterating).rejects.toThrow(context('iterate'))
    expect(() => withValue(ctx as never, contextKey('a'), 1)).toThrow(context('withValue'))
    expect(() => withSignal(ctx as never, AbortSignal.abort())).toThrow(context('withSignal'))
    expect(() => bindContext({}, ctx as never)).toThrow(context('bindContext'))
  })

  test('is not loaded for every method that takes the context of a request', async () => {
    const names = Object.getOwnPropertyNames(SessionManager.prototype)
    const others = ['constructor', 'loadAndSave', 'readSessionCookies', 'load', 'iterate']
    // With `persist`, it needs none.
    others.push('writeSessionCookie')
    const methods = names.filter((name) => !others.includes(name))
    expect(methods.length).toBeGreaterThan(10)
    for (const name of methods) {
      for (const ctx of [undefined, {}, background()]) {
        const call = async () => loose(manager())[name]?.(ctx, 'a', () => 1)
        await expect(call(), name).rejects.toMatchObject({ code: 'ERR_SESSION_NOT_LOADED' })
      }
    }
  })
})

describe('a carrier of a context that is none', () => {
  test.each([undefined, null, 'req', 5])('%o', (carrier) => {
    expect(() => contextOf(carrier as never)).toThrow(TypeError)
    expect(() => contextOf(carrier as never)).toThrow(
      'contextOf takes a request, or what the framework gives to a handler, and was given ',
    )
    expect(() => bindContext(carrier as never, background())).toThrow('bindContext takes a request')
  })

  test('a function may be one', () => {
    const carrier = () => undefined
    const ctx = withValue(background(), contextKey('a'), 1)
    expect(contextOf(carrier)).toBe(background())
    bindContext(carrier, ctx)
    expect(contextOf(carrier)).toBe(ctx)
  })
})

test.each([undefined, null, 'session=a'])('readSessionCookies takes headers, not %o', (headers) => {
  const read = () => loose(manager()).readSessionCookies?.(headers)
  expect(read).toThrow(TypeError)
  expect(read).toThrow('readSessionCookies takes the headers of a request, and was given ')
})

describe('a response that is none', () => {
  test.each([undefined, null, {}, 'res'])('%o, before anything is committed', async (to) => {
    const sessions = manager()
    const ctx = await sessions.load(background(), '')
    sessions.put(ctx, 'a', 1)
    const committing = loose(sessions).commitAndWriteSessionCookie?.(ctx, to)
    await expect(committing).rejects.toThrow(TypeError)
    await expect(committing).rejects.toThrow(
      'commitAndWriteSessionCookie takes a response or a Headers, and was given ',
    )
    expect((sessions.store as MemoryStore).all().size).toBe(0)
    expect(() => loose(sessions).writeSessionCookie?.(ctx, to, 'token', new Date())).toThrow(
      'writeSessionCookie takes a response or a Headers, and was given ',
    )
  })
})

describe('a function that is none', () => {
  test('of iterate, also where there is no session', async () => {
    const iterating = loose(manager()).iterate?.(background())
    await expect(iterating).rejects.toThrow(
      new TypeError('iterate takes a function, and was given undefined'),
    )
  })

  test('of update', async () => {
    const sessions = manager()
    const ctx = await sessions.load(background(), '')
    expect(() => loose(sessions).update?.(ctx, 'visits', 1)).toThrow(
      new TypeError('update takes a function, and was given a number'),
    )
    expect(sessions.status(ctx)).toBe('unmodified')
  })
})

test.each([null, 5, {}, ['a'], new Map()])('load looks for no token like %o', async (token) => {
  const sessions = manager()
  const ctx = await sessions.load(background(), token as never)
  expect(sessions.token(ctx)).toBe('')
})

describe('checkManager', () => {
  test.each<[string, object]>([
    ['a manager', new SessionManager()],
    ['one of a subclass', new (class extends SessionManager {})()],
    ['one of another copy of this package', { loadAndSave: () => undefined }],
  ])('takes %s', (_what, value) => {
    expect(() => checkManager(value, '')).not.toThrow()
  })

  test.each<[string, unknown, string]>([
    ['nothing', undefined, 'undefined'],
    ['null', null, 'null'],
    ['the class', SessionManager, 'a function'],
    ['options', { lifetime: 5 }, 'an object'],
    ['a request', new IncomingMessage(new Socket()), 'an instance of IncomingMessage'],
  ])('throws a TypeError for %s, with what to write', (_what, value, given) => {
    expect(() => checkManager(value, 'app.use(loadAndSave(sessionManager))')).toThrow(
      new TypeError(
        `loadAndSave takes a SessionManager, and was given ${given}: write app.use(loadAndSave(sessionManager))`,
      ),
    )
  })
})
