import { mock } from 'node:test'
import { runInThisContext } from 'node:vm'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { background, hour, MemoryStore, minute, SessionManager } from '../src/index.ts'

afterEach(() => {
  vi.restoreAllMocks()
  mock.restoreAll()
})

// A script is not strict, as CommonJS is not unless it says so: there, an assignment that fails is silent.
const assign: (target: object, name: string, value: unknown) => void = runInThisContext(
  '(target, name, value) => { target[name] = value }',
)

const options = [
  ...['lifetime', 'idleTimeout', 'touchInterval', 'store', 'codec', 'cookie', 'hashTokenInStore'],
  ...['unreadable', 'storeTimeout', 'errorFunc', 'onError', 'maxSize'],
]

describe('an option of a manager', () => {
  test.each(options)('%s cannot be assigned, in strict code and in other', (option) => {
    const manager = new SessionManager()
    const before = Reflect.get(manager, option)
    const message = `the option ${option} cannot be changed: give it to new SessionManager`
    expect(() => Object.assign(manager, { [option]: 5 })).toThrow(new TypeError(message))
    expect(() => assign(manager, option, 5)).toThrow(message)
    expect(Reflect.get(manager, option)).toBe(before)
  })

  test.each(['secure', 'name', 'httponly', 'maxAge'])(
    'cookie.%s cannot be assigned either',
    (name) => {
      const { cookie } = new SessionManager()
      const message = `the option cookie.${name} cannot be changed: give it to new SessionManager`
      expect(() => Object.assign(cookie, { [name]: true })).toThrow(new TypeError(message))
      expect(() => assign(cookie, name, true)).toThrow(message)
      expect(cookie).toEqual(new SessionManager().cookie)
      expect(() => Object.defineProperty(cookie, name, { value: true })).toThrow(TypeError)
      expect(() => Reflect.deleteProperty(cookie, name)).not.toThrow()
      expect(cookie).toEqual(new SessionManager().cookie)
    },
  )

  test('can be given to another manager', () => {
    const manager = new SessionManager({ cookie: { name: 'sid', priority: 'high' } })
    const { cookie, errorFunc, onError, unreadable, storeTimeout } = manager
    const other = new SessionManager({ cookie, errorFunc, onError, unreadable, storeTimeout })
    expect(other.cookie).toEqual(manager.cookie)
    expect(other.errorFunc).toBe(errorFunc)
  })
})

describe('a subclass', () => {
  test('may define an option anew, add properties and override methods', async () => {
    class Sessions extends SessionManager {
      readonly visits: number[] = []
      override async load(...args: Parameters<SessionManager['load']>) {
        this.visits.push(1)
        return super.load(...args)
      }
    }
    // As JavaScript's `get lifetime() { return super.lifetime / 2 }`.
    Object.defineProperty(Sessions.prototype, 'lifetime', {
      get() {
        return Reflect.get(SessionManager.prototype, 'lifetime', this) / 2
      },
    })
    const sessions = new Sessions({ lifetime: hour })
    expect(sessions.lifetime).toBe(hour / 2)
    const ctx = await sessions.load(background(), '')
    sessions.put(ctx, 'a', 1)
    expect([sessions.get(ctx, 'a'), sessions.visits]).toEqual([1, [1]])
    Object.assign(sessions, { extra: 1 })
    Object.defineProperty(sessions, 'idleTimeout', { value: minute })
    expect(sessions).toMatchObject({ extra: 1, idleTimeout: minute })
  })
})

describe('a test double', () => {
  const load = (manager: SessionManager) => manager.load(background(), '')

  test('may stand in for a method, of an instance and of the class', async () => {
    const manager = new SessionManager()
    const put = vi.spyOn(manager, 'put')
    const destroy = vi.spyOn(SessionManager.prototype, 'destroy').mockResolvedValue()
    const get = mock.method(manager, 'get', () => 'mocked')
    const ctx = await load(manager)
    manager.put(ctx, 'a', 1)
    await manager.destroy(ctx)
    expect(put).toHaveBeenCalledExactlyOnceWith(ctx, 'a', 1)
    expect(destroy).toHaveBeenCalledOnce()
    expect([manager.get(ctx, 'a'), get.mock.callCount()]).toEqual(['mocked', 1])
    vi.restoreAllMocks()
    mock.restoreAll()
    expect(manager.get(ctx, 'a')).toBe(1)
    const exists = vi.fn(() => true)
    manager.exists = exists
    expect(manager.exists(ctx, 'b')).toBe(true)
  })

  test('may stand in for an option', () => {
    const onError = vi.fn()
    const manager = new SessionManager({ onError })
    const spied = vi.spyOn(manager, 'onError')
    manager.onError(new Error('a'), background())
    expect(spied).toHaveBeenCalledOnce()
    expect(onError).toHaveBeenCalledOnce()
    vi.restoreAllMocks()
    manager.onError(new Error('b'), background())
    expect(onError).toHaveBeenCalledTimes(2)

    const store = new MemoryStore({ cleanupInterval: 0 })
    vi.spyOn(manager, 'store', 'get').mockReturnValue(store)
    mock.getter(manager, 'lifetime', () => 5)
    expect(manager.store).toBe(store)
    expect(manager.lifetime).toBe(5)
  })
})
