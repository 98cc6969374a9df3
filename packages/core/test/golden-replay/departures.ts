// Where this package leaves SCS on purpose, as rules: each says from a step's requests, and from what SCS answered,
// what is answered here. The comparison then holds that to the letter. A rule knows no transcript by its name.

import type { Config, CookieConfig } from '../golden-server/config.ts'
import {
  cookieRead,
  hashedOnce,
  malformedTokens,
  nothingToDelete,
  renewalThatFails,
  renewedAfterCommit,
  unreadableRows,
} from './call-rules.ts'
import { inOrder } from './cookie-departures.ts'
import {
  cleanAnswer,
  flushed,
  informational,
  lateChanges,
  panicAnswered,
  privateCaching,
} from './response-rules.ts'
import { cookieName, type RequestScene, type Scene, singleRequest } from './scene.ts'
import { nilMap, pastDeadline, rememberMe } from './session-rules.ts'
import { formatSetCookie, parseSetCookie } from './set-cookie.ts'
import {
  gettersOfNumbers,
  mapTyped,
  oneNumber,
  unregisteredTypes,
  utcMilliseconds,
} from './value-rules.ts'

/** One way in which this package is not SCS. */
export interface Departure {
  readonly name: string
  /** The beginning of its row in the table "Where we leave SCS, and why". */
  readonly row: string
  /** Makes of SCS's answer this package's; whether that changed anything. */
  apply(scene: Scene): boolean
}

/** The rules, in the order in which they apply. */
export const departures: readonly Departure[] = [
  {
    name: 'numbers are of one kind',
    row: 'int, int64, int32, float64 are four types',
    apply: ({ out }) => mapTyped(out, oneNumber),
  },
  {
    name: 'typed getters take any number that fits',
    row: 'int, int64, int32, float64 are four types',
    apply: forOneRequest(gettersOfNumbers),
  },
  {
    name: 'times are milliseconds in UTC',
    row: 'int, int64, int32, float64 are four types … other Go kinds have no counterpart',
    apply: ({ out }) => mapTyped(out, utcMilliseconds),
  },
  {
    name: 'types need no registration',
    row: 'int, int64, int32, float64 are four types … other Go kinds have no counterpart',
    apply: forOneRequest(unregisteredTypes),
  },
  {
    name: 'a token outside its grammar is not looked up',
    row: 'looks up any string as a token, "" too in MergeSession',
    apply: malformedTokens,
  },
  {
    name: 'cookies are read by the cookie package',
    row: "reads and writes cookies by Go's rules",
    apply: forOneRequest(cookieRead),
  },
  {
    name: 'a session that was never committed has nothing to delete',
    row: 'Destroy on an uncommitted session deletes token ""',
    apply: nothingToDelete,
  },
  {
    name: 'the old row goes after the new one is in',
    row: 'renewToken deletes the old row before the new one exists',
    apply: renewedAfterCommit,
  },
  {
    name: 'a renewal whose old row cannot go fails at the commit',
    row: 'renewToken deletes the old row before the new one exists; an error leaves it there',
    apply: forOneRequest(renewalThatFails),
  },
  {
    name: 'a session past its deadline is not found',
    row: 'never checks the deadline it decoded',
    apply: forOneRequest(pastDeadline),
  },
  {
    name: 'a nil map is an empty one',
    row: 'strings are bytes; a nil map makes Put panic',
    apply: forOneRequest(nilMap),
  },
  {
    name: 'the token in iterate is hashed once',
    row: 'Iterate on hashed tokens hashes twice: revoking revokes nothing',
    apply: forOneRequest(hashedOnce),
  },
  {
    name: 'iterate skips what it cannot decode',
    row: 'Iterate stops at the first row it cannot decode',
    apply: forOneRequest(unreadableRows),
  },
  {
    name: 'rememberMe is no key and survives clear',
    row: '__rememberMe shows in Keys and dies in Clear',
    apply: forOneRequest(rememberMe),
  },
  {
    name: 'a 1xx is no commit point',
    row: 'Flush before the first write loses the cookie; a 103 commits early',
    apply: forOneRequest(informational),
  },
  {
    name: 'a flush sends the cookie',
    row: 'Flush before the first write loses the cookie',
    apply: forOneRequest(flushed),
  },
  {
    name: 'late changes are committed, or throw',
    row: 'silently loses changes made after the first byte',
    apply: forOneRequest(lateChanges),
  },
  {
    name: 'a failed commit has one clean answer',
    row: "a failed commit's 500 is followed by the handler's bytes",
    apply: forOneRequest(cleanAnswer),
  },
  {
    name: 'errorFunc answers a panic',
    row: 'a panic cuts the connection',
    apply: forOneRequest(panicAnswered),
  },
  {
    name: 'what the handler lets caches share becomes private',
    row: 'a shared cache may store a response with our cookie',
    apply: forOneRequest(privateCaching),
  },
  {
    name: 'Max-Age is the true one',
    row: 'Max-Age ends at 292 years, dates at the year 1',
    apply: forCookies((line) => line.replace('; Max-Age=9223372037', '; Max-Age=<until Expires>')),
  },
  {
    name: 'cookies are written by the cookie package',
    row: "reads and writes cookies by Go's rules",
    apply: (scene) => forCookies((line) => inOrder(withDomain(line, scene.config)))(scene),
  },
]

/** Row "drops or sends invalid cookie settings silently", "TypeError at construction, naming the option". */
export const refusedSettings = 'invalid settings are refused'

/** The options of which one is named when a manager of this config is refused; empty when all are valid. */
export function invalidOptions(config: Config): string[] {
  return (config.managers ?? []).flatMap((manager) => [
    ...invalidCookieOptions(manager.cookie ?? {}),
    ...(['lifetime', 'idleTimeout'] as const).filter((name) => (manager[`${name}Ms`] ?? 0) < 0),
  ])
}

/** The cookie options that browsers or grammars refuse. */
export function invalidCookieOptions(cookie: CookieConfig): string[] {
  const { name = 'session', domain = '', path = '/', secure = false } = cookie
  const invalid: string[] = []
  if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(name)) invalid.push('cookie.name')
  if (domain !== '' && !isDomain(domain)) invalid.push('cookie.domain')
  if (!/^[\x20-\x3a\x3c-\x7e]*$/.test(path)) invalid.push('cookie.path')
  const prefix = /^__(host|secure)-/i.exec(name)?.[1]?.toLowerCase()
  const wantsSecure = cookie.sameSite === 'none' || cookie.partitioned || prefix !== undefined
  if (wantsSecure && !secure) invalid.push('cookie.secure')
  if (prefix === 'host' && domain !== '') invalid.push('cookie.domain')
  if (prefix === 'host' && path !== '/') invalid.push('cookie.path')
  return invalid
}

function isDomain(domain: string): boolean {
  return domain
    .replace(/^\./, '')
    .split('.')
    .every((label) => /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i.test(label))
}

function forOneRequest(rule: (scene: RequestScene) => boolean): (scene: Scene) => boolean {
  return (scene) => {
    const request = singleRequest(scene)
    return request === undefined ? false : rule(request)
  }
}

function forCookies(change: (line: string) => string): (scene: Scene) => boolean {
  return ({ out }) => {
    let changed = false
    for (const response of [out, ...(out.parallel ?? [])]) {
      response.setCookie = response.setCookie?.map((line) => {
        const changedLine = change(line)
        changed ||= changedLine !== line
        return changedLine
      }) as string[]
      if (response.setCookie === undefined) delete response.setCookie
    }
    return changed
  }
}

// Go drops a leading dot, and a domain that its rules refuse; what is no domain at all is refused here.
function withDomain(line: string, config: Config): string {
  const { pair, attributes } = parseSetCookie(line)
  const manager = (config.managers ?? []).find((each) => pair.startsWith(`${cookieName(each)}=`))
  const domain = manager?.cookie?.domain
  // A cookie of the handler's own may have the name of the session's, but no attributes.
  if (!domain || attributes.length === 0) return line
  const others = attributes.filter(([name]) => name !== 'Domain')
  return formatSetCookie({ pair, attributes: [...others, ['Domain', domain]] })
}
