import { afterAll, describe, expect, test } from 'vitest'
import { background, SessionManager, type SessionStore } from '../src/index.ts'
import { candidates, readInGo, valuesHere } from './golden-model/cookies.ts'
import { departures } from './golden-model/dialect.ts'
import { isToken } from './golden-model/tokens.ts'
import { withAttribute, writeDepartures } from './golden-replay/cookie-departures.ts'
import { invalidCookieOptions, refusedSettings } from './golden-replay/refused-settings.ts'
import {
  type HashVector,
  type ReadVector,
  readVectors,
  type WriteVector,
} from './golden-replay/vectors.ts'
import { cookieOptions } from './golden-server/config.ts'

const tally = new Map<string, number>()

function count(name: string): void {
  tally.set(name, (tally.get(name) ?? 0) + 1)
}

// Which tokens a manager asks its store for; there is no session in it.
function recordingStore(): { store: SessionStore; finds: string[] } {
  const finds: string[] = []
  const store = {
    find(token: string) {
      finds.push(token)
      return undefined
    },
    commit() {},
    delete() {},
  }
  return { store, finds }
}

describe('reading the session cookie', () => {
  const vectors = readVectors<ReadVector>('cookie-read')

  // Beside the given ones: what a Cookie header may hold around a value, and none at all.
  const more: readonly ReadVector[] = [
    { name: 'session', lines: null, token: null },
    ...['\ta', ' a', 'a\t', '\t a \t', ' "a"', '"a" ', '\t', ''].map((value) => {
      const lines = [`x=y; session=${value}; z=1`]
      return { name: 'session', lines, token: readInGo('session', lines) || null }
    }),
  ]

  test.each(
    [...vectors, ...more].map(
      (vector, index) => [index, JSON.stringify(vector.lines), vector] as const,
    ),
  )('%i: %s', async (_index, _lines, { name, lines, token }) => {
    const { store, finds } = recordingStore()
    const refused = invalidCookieOptions({ name })
    if (refused.length > 0 && !name.startsWith('__')) {
      expect(() => new SessionManager({ store, cookie: { name } })).toThrow(refused[0])
      count(refusedSettings)
      return
    }
    const secure = name.startsWith('__')
    const manager = new SessionManager({ store, cookie: { name, secure } })
    const headers = lines === null ? {} : { cookie: lines.join('; ') }
    await manager.load(background(), manager.readSessionCookies(headers))
    // The model reads as SCS did; whatever it is asked of this package is then no guess.
    const read = readInGo(name, lines ?? [])
    expect(read || null).toBe(token)
    expect(finds).toEqual(candidates(name, lines ?? []))
    const [expected = ''] = valuesHere(name, lines ?? [])
    if (finds.length > 1 || (finds[0] ?? '') !== expected) count(departures.candidates.name)
    if (read !== '' && !isToken(read)) count(departures.tokenGrammar.name)
    else if (read !== expected) count(departures.cookieRead.name)
  })
})

describe('writing the session cookie', () => {
  const vectors = readVectors<WriteVector>('cookie-write')

  test.each(
    vectors.map((vector, index) => {
      const { cookie, token, expiry, rememberMe } = vector
      return [index, JSON.stringify({ cookie, token, expiry, rememberMe }), vector] as const
    }),
  )('%i: %s', async (_index, _title, vector) => {
    const { cookie, token, expiry, rememberMe = false } = vector
    const refused = invalidCookieOptions(cookie)
    if (refused.length > 0) {
      const make = () => new SessionManager({ cookie: cookieOptions(cookie) })
      expect(make).toThrow(TypeError)
      expect(make).toThrow(refused[0])
      count(refusedSettings)
      return
    }
    const manager = new SessionManager({ cookie: cookieOptions(cookie) })
    const ctx = await manager.load(background(), '')
    if (rememberMe) manager.rememberMe(ctx, true)
    const headers = new Headers()
    const time = expiry === 'zero' ? undefined : new Date(expiry)
    manager.writeSessionCookie(ctx, headers, token, time)
    const [line = ''] = headers.getSetCookie()
    const expected = expectedLine(vector)
    expect(withSeconds(line, expected, time)).toBe(expected)
    expect(headers.get('Cache-Control')).toBe(vector.cacheControl)
  })

  // SCS's line as the rules leave it.
  function expectedLine(vector: WriteVector): string {
    return writeDepartures.reduce((line, { name, apply }) => {
      const changed = apply(line, vector)
      if (changed !== line) count(name)
      return changed
    }, vector.setCookie)
  }

  // Max-Age=<until> are the seconds until the expiry, rounded up.
  function withSeconds(line: string, expected: string, time: Date | undefined): string {
    if (!expected.includes('Max-Age=<until>') || time === undefined) return line
    return withAttribute(line, 'Max-Age', (value = '') => {
      const left = (time.getTime() - Date.now()) / 1000
      return Number(value) >= left && Number(value) < left + 2 ? '<until>' : value
    })
  }
})

describe('hashing tokens for the store', () => {
  test.each(readVectors<HashVector>('token-hash'))('"$token"', async ({ token, hash }) => {
    const { store, finds } = recordingStore()
    const manager = new SessionManager({ store, hashTokenInStore: true })
    await manager.load(background(), token)
    if (!isToken(token)) count(departures.tokenGrammar.name)
    expect(finds).toEqual(isToken(token) ? [hash] : [])
  })
})

test('every departure applies to some of the vectors', ({ task, skip }) => {
  skip(
    task.file.tasks.some(({ mode }) => mode === 'skip'),
    'only some of the vectors were tried',
  )
  const { tokenGrammar, cookieRead, candidates } = departures
  const names = [tokenGrammar, cookieRead, candidates, ...writeDepartures].map(({ name }) => name)
  for (const name of [...names, refusedSettings]) {
    console.info(`vectors: ${tally.get(name) ?? 0} × ${name}`)
  }
  expect(names.filter((name) => !tally.has(name))).toEqual([])
})

afterAll(() => tally.clear())
