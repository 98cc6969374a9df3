import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import type { Random } from './random.ts'

/** What a listener may be called with in place of a request. */
export function oddRequest(random: Random, cookie: string): unknown {
  const headers = random.of<() => unknown>([
    () => ({ cookie }),
    () => ({ cookie }),
    () => ({ cookie }),
    () => ({}),
    () => undefined,
    () => null,
    () => 'session=abc',
    () => ({ cookie: 42 }),
    () => ({ cookie: [cookie, cookie] }),
    () => ({ cookie: null }),
    () => ({ cookie: { length: 3 } }),
    () => new Headers({ cookie }),
    () => throwing({}, random),
  ])()
  return random.of<() => unknown>([
    () => ({ headers, url: '/', method: 'GET' }),
    () => ({ headers, url: '/', method: 'GET' }),
    () => ({ headers, url: '/', method: 'GET' }),
    () => Object.freeze({ headers }),
    () => Object.assign(new IncomingMessage(new Socket()), { headers }),
    () => Object.assign(() => {}, { headers }),
    () => throwing({ headers }, random),
    () => Object.assign(Object.create(null), { headers }),
    () => ({}),
    () => undefined,
    () => null,
    () => 42,
    () => 'request',
  ])()
}

/** Throws when it is looked at, sooner or later. */
export function throwing(target: object, random: Random): object {
  const odds = random.of([5, 30, 100])
  const perhaps = () => {
    if (random.chance(odds)) throw new Error('an odd object')
  }
  return new Proxy(target, {
    get(target, name, receiver) {
      perhaps()
      return Reflect.get(target, name, receiver)
    },
    set(target, name, value, receiver) {
      perhaps()
      return Reflect.set(target, name, value, receiver)
    },
    has(target, name) {
      perhaps()
      return Reflect.has(target, name)
    },
    defineProperty(target, name, descriptor) {
      perhaps()
      return Reflect.defineProperty(target, name, descriptor)
    },
    getPrototypeOf(target) {
      perhaps()
      return Reflect.getPrototypeOf(target)
    },
  })
}
