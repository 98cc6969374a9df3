import { createHash, randomBytes } from 'node:crypto'
import { background, hour, JsonCodec, MemoryStore, SessionManager } from '@scs/core'
import { parseCookie, stringifySetCookie } from 'cookie'
import { CookieWriter, sessionTokens } from '../../packages/core/src/http/cookie.ts'
import { generateToken, hashToken } from '../../packages/core/src/session/token.ts'
import { over } from '../../test/swaps.ts'
import { type SessionSize, valuesOf } from '../http/sessions.ts'
import type { Subject } from './timed.ts'

const token = generateToken()
const headers = { cookie: `theme=dark; session=${token}; lang=en` }
const settings = new SessionManager({ store: new MemoryStore({ cleanupInterval: 0 }) }).cookie
const writer = new CookieWriter(settings)
const expiry = new Date(Date.now() + 24 * hour)
const codec = new JsonCodec()
const values = new Map(Object.entries(valuesOf('100 B')))
const data = codec.encode(expiry, values)
const other = codec.encode(expiry, new Map([...values, ['visits', 1]]))
const store = new MemoryStore({ cleanupInterval: 0 })
store.commit(token, data, expiry)

/** What is on the path of a request, each group with the plainest way to do it first. */
export const parts: Readonly<Record<string, readonly Subject[]>> = {
  'a new token': [
    { name: 'randomBytes(32)', run: () => randomBytes(32).toString('base64url') },
    { name: 'generateToken', run: generateToken },
  ],
  'a hashed token': [
    { name: 'createHash', run: () => createHash('sha256').update(token).digest('base64url') },
    { name: 'hashToken', run: () => hashToken(token) },
  ],
  'reading the cookie': cookieSubjects(headers.cookie),
  'reading it after 1 KB of others': cookieSubjects(afterOthers(1)),
  'reading it after 16 KB of others': cookieSubjects(afterOthers(16)),
  'reading it after 64 KB of others': cookieSubjects(afterOthers(64)),
  'reading it after 16 KB of its name': cookieSubjects(
    `${'session=%; '.repeat(1490)}session=${token}`,
  ),
  'writing the cookie': [
    {
      name: 'stringifySetCookie',
      run: () =>
        stringifySetCookie({
          name: 'session',
          value: token,
          path: '/',
          httpOnly: true,
          sameSite: 'lax',
          maxAge: 86_400,
          expires: expiry,
        }),
    },
    { name: 'CookieWriter', run: () => writer.line(token, expiry, true) },
  ],
  ...codecParts('100 B'),
  ...codecParts('1 KB'),
  ...codecParts('10 KB'),
  'the memory store': [
    { name: 'find', run: () => store.find(token) },
    { name: 'commit', run: () => store.commit(token, data, expiry) },
    {
      name: 'replace, and back',
      run: () => {
        store.swap(background(), over(token, data, other, expiry))
        store.swap(background(), over(token, other, data, expiry))
      },
    },
    { name: 'touch', run: () => store.touch(background(), token, expiry) },
  ],
}

function cookieSubjects(cookie: string): Subject[] {
  return [
    { name: 'parseCookie', run: () => parseCookie(cookie) },
    { name: 'sessionTokens', run: () => sessionTokens({ cookie }, 'session') },
  ]
}

/** A Cookie header of that many kilobytes, with the session cookie at its end. */
function afterOthers(kilobytes: number): string {
  const own = `session=${token}`
  let others = ''
  for (let n = 0; others.length + own.length < kilobytes * 1024; n++) others += `c${n}=v${n}; `
  return others + own
}

function codecParts(size: SessionSize): Record<string, Subject[]> {
  const values = new Map(Object.entries(valuesOf(size)))
  const data = codec.encode(expiry, values)
  return {
    [`encoding ${size}`]: [
      {
        name: 'JSON alone',
        run: () =>
          Buffer.from(JSON.stringify({ deadline: expiry, values: Object.fromEntries(values) })),
      },
      { name: 'JsonCodec', run: () => codec.encode(expiry, values) },
    ],
    [`decoding ${size}`]: [
      { name: 'JSON alone', run: () => JSON.parse(Buffer.from(data).toString()) },
      { name: 'JsonCodec', run: () => codec.decode(data) },
    ],
  }
}
