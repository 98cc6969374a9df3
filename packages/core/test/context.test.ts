import { describe, expect, test } from 'vitest'
import {
  background,
  bindContext,
  type Context,
  contextKey,
  contextOf,
  withoutSignal,
  withSignal,
  withValue,
} from '../src/context.ts'

const name = contextKey<string>('name')
const other = contextKey<string>('name')

describe('background', () => {
  test('has no value and no signal', () => {
    expect(background().value(name)).toBeUndefined()
    expect(background().signal).toBeUndefined()
  })

  test('is one and the same', () => {
    expect(background()).toBe(background())
  })
})

describe('withValue', () => {
  test('gives the value under its key, and leaves the parent as it is', () => {
    const parent = background()
    const ctx = withValue(parent, name, 'Ada')
    expect(ctx.value(name)).toBe('Ada')
    expect(parent.value(name)).toBeUndefined()
  })

  test('two keys of one description are two keys', () => {
    expect(name.description).toBe(other.description)
    expect(withValue(background(), name, 'Ada').value(other)).toBeUndefined()
  })

  test('the nearest value of a key wins; those of other keys stay', () => {
    const outer = withValue(withValue(background(), name, 'Ada'), other, 'Grace')
    const inner = withValue(outer, name, 'Barbara')
    expect(inner.value(name)).toBe('Barbara')
    expect(inner.value(other)).toBe('Grace')
    expect(outer.value(name)).toBe('Ada')
  })

  test('undefined is a value too: it hides the one of the parent', () => {
    const key = contextKey<string | undefined>('optional')
    const ctx = withValue(withValue(background(), key, 'there'), key, undefined)
    expect(ctx.value(key)).toBeUndefined()
  })

  test('keeps the signal of the parent', () => {
    const { signal } = new AbortController()
    expect(withValue(withSignal(background(), signal), name, 'Ada').signal).toBe(signal)
  })
})

describe('withSignal', () => {
  test('gives the signal, and keeps the values of the parent', () => {
    const { signal } = new AbortController()
    const ctx = withSignal(withValue(background(), name, 'Ada'), signal)
    expect(ctx.signal).toBe(signal)
    expect(ctx.value(name)).toBe('Ada')
  })

  test.each(['outer', 'inner'] as const)(
    'is aborted, with its reason, when the %s one is',
    (which) => {
      const controllers = { outer: new AbortController(), inner: new AbortController() }
      const outer = withSignal(background(), controllers.outer.signal)
      const inner = withSignal(outer, controllers.inner.signal)
      expect(inner.signal?.aborted).toBe(false)
      controllers[which].abort('gone')
      expect(inner.signal?.aborted).toBe(true)
      expect(inner.signal?.reason).toBe('gone')
    },
  )

  test('a signal that is aborted further in does not abort the parent', () => {
    const outer = withSignal(background(), new AbortController().signal)
    withSignal(outer, AbortSignal.abort())
    expect(outer.signal?.aborted).toBe(false)
  })
})

describe('withoutSignal', () => {
  test('keeps the values alone', () => {
    const parent = withSignal(withValue(background(), name, 'Ada'), AbortSignal.abort())
    const ctx = withoutSignal(parent)
    expect(ctx.signal).toBeUndefined()
    expect(ctx.value(name)).toBe('Ada')
    expect(parent.signal?.aborted).toBe(true)
  })

  test('is the parent itself when that has none', () => {
    const bare = withoutSignal(withSignal(background(), AbortSignal.abort()))
    expect(withoutSignal(bare)).toBe(bare)
    expect(withoutSignal(background())).toBe(background())
  })
})

describe('contextOf', () => {
  test('gives background where nothing is bound', () => {
    expect(contextOf({})).toBe(background())
  })

  test('gives what was bound last, for each carrier', () => {
    const [first, second] = [{}, {}]
    const ctx = withValue(background(), name, 'Ada')
    bindContext(first, background())
    bindContext(first, ctx)
    expect(contextOf(first)).toBe(ctx)
    expect(contextOf(second)).toBe(background())
  })

  test('finds what another copy of the package has bound', () => {
    const ctx: Context = withValue(background(), name, 'Ada')
    expect(contextOf({ [Symbol.for('scs.context')]: ctx })).toBe(ctx)
  })

  test('refuses to bind to a carrier that cannot be extended', () => {
    expect(() => bindContext(Object.freeze({}), background())).toThrow(TypeError)
  })
})
