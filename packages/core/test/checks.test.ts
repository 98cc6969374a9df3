import { describe, expect, test } from 'vitest'
import { checkOptions } from '../src/util/checks.ts'

const names = { store: true, storeTimeout: true, hashTokenInStore: true, onError: true } as const

const check = (options: unknown) => () => checkOptions('Manager', options, names, hints)
const hints = { secret: 'tokens are random, so leave it out' }

describe('known options', () => {
  test.each<[string, object]>([
    ['none', {}],
    ['all of them, whatever they are', { store: null, storeTimeout: undefined, onError: 5 }],
    ['without a prototype', Object.assign(Object.create(null), { store: 1 })],
    [
      'of a class',
      new (class Config {
        readonly store = 1
      })(),
    ],
    [
      'of a class with getters',
      new (class Config {
        get store() {
          return 1
        }
      })(),
    ],
    ['inherited', Object.create({ store: 1 })],
  ])('%s pass', (_what, options) => {
    expect(check(options)).not.toThrow()
  })
})

describe('an unknown option is a TypeError that names it and the one that was meant', () => {
  test.each([
    ['Store', 'store'],
    ['STORE_TIMEOUT', 'storeTimeout'],
    ['store-timeout', 'storeTimeout'],
    ['storetimeout', 'storeTimeout'],
    ['storeTimout', 'storeTimeout'],
    ['storeTimeuot', 'storeTimeout'],
    ['hashTokensInStore', 'hashTokenInStore'],
    ['onErorr', 'onError'],
    ['stores', 'store'],
    ['onErrorFunc', 'onError'],
    ['storeTimeoutMs', 'storeTimeout'],
    ['sessionStore', 'store'],
    ['timeout', 'storeTimeout'],
  ])('%s: %s', (given, meant) => {
    const message = `Manager has no option ${given}: did you mean ${meant}?`
    expect(check({ [given]: undefined })).toThrow(new TypeError(message))
  })

  test('an option with a hint is a TypeError that says what to do instead', () => {
    const message = 'Manager has no option secret: tokens are random, so leave it out'
    expect(check({ secret: 'x' })).toThrow(new TypeError(message))
  })

  test('an option that resembles no other is a TypeError that lists all of them', () => {
    const message =
      'Manager has no option color: its options are store, storeTimeout, hashTokenInStore, onError'
    expect(check({ color: 'red' })).toThrow(new TypeError(message))
    expect(check({ x: 1 })).toThrow('its options are')
    expect(check({ '': 1 })).toThrow('its options are')
  })

  test('names of Object.prototype are neither options nor hints', () => {
    for (const name of ['toString', 'constructor', 'hasOwnProperty', '__proto__']) {
      expect(check(JSON.parse(`{ "${name}": 1 }`))).toThrow(`Manager has no option ${name}`)
    }
  })

  test('the value is not in the message, and a long name is cut', () => {
    expect(check({ ['x'.repeat(10_000)]: 'hunter2' })).toThrow(/^(?!.*hunter2).{0,300}$/)
  })

  test('a setting inside of an option is named with it', () => {
    const inside = () =>
      checkOptions('Manager', { httponly: true }, { httpOnly: true } as const, {}, 'cookie.')
    expect(inside).toThrow('Manager has no option cookie.httponly: did you mean cookie.httpOnly?')
  })
})

describe('options that are not an object of options are a TypeError that says so', () => {
  class Store {
    find() {}
  }
  test.each<[string, unknown]>([
    ['null', null],
    ['a number', 60_000],
    ['a string', 'sessions'],
    ['a function', () => undefined],
    ['an array', []],
    ['a Map', new Map([['store', 1]])],
    ['a Date', new Date()],
    ['a store', new Store()],
  ])('%s', (_what, options) => {
    const message = /^the options of Manager must be an object, such as \{ store: … \}; /
    expect(check(options)).toThrow(TypeError)
    expect(check(options)).toThrow(message)
  })

  test('names the class of an object of another kind', () => {
    expect(check(new Store())).toThrow('it is an instance of Store')
  })
})
