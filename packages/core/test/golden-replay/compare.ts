import type { Typed } from '../golden-server/typed-values.ts'
import type { Moment, Placeholders } from './placeholders.ts'
import { compareSetCookie } from './set-cookie.ts'
import type { CallEntry, Out, ResultEntry } from './transcript.ts'

/** What a comparison needs to know besides the two sides. */
export interface Comparison {
  readonly placeholders: Placeholders
  readonly moment: Moment
  /** Messages that come from the transcript itself: those of others (Go's own) are compared for presence. */
  readonly messages: ReadonlySet<string>
  /** Hears of each field that is compared. */
  readonly count: () => void
}

/** What differs between two answers: one line each, with the place, what was expected and what came. */
export function compareOut(expected: Out, actual: Out, by: Comparison): string[] {
  return new Comparer(actual.calls ?? [], by).out(expected, actual)
}

class Comparer {
  readonly #calls: readonly CallEntry[]
  readonly #by: Comparison
  readonly #differences: string[] = []

  constructor(calls: readonly CallEntry[], by: Comparison) {
    this.#calls = calls
    this.#by = by
  }

  // In this order a token is first seen where the recording saw it first.
  out(expected: Out, actual: Out): string[] {
    for (const [index, out] of (expected.parallel ?? []).entries()) {
      this.#response(`parallel[${index}].`, out, actual.parallel?.[index] ?? {})
    }
    this.#response('', expected, actual)
    if (expected.rows !== undefined) this.#unordered('rows', expected.rows, actual.rows ?? [])
    if (expected.calls !== undefined || actual.calls !== undefined) {
      this.#callList(expected.calls ?? [], actual.calls ?? [])
    }
    return this.#differences
  }

  #response(path: string, expected: Out, actual: Out): void {
    if (expected.error !== undefined || actual.error !== undefined) {
      // How far the answer had got when the connection was cut is the platform's.
      this.#check(`${path}error`, expected.error !== undefined, actual.error !== undefined)
    }
    const { setCookie, headers = [], informational } = expected
    if (setCookie !== undefined) {
      const lines = actual.setCookie ?? []
      this.#check(`${path}setCookie.length`, setCookie.length, lines.length, lines)
      for (const [index, line] of setCookie.entries()) {
        this.#note(
          `${path}setCookie[${index}]`,
          compareSetCookie(line, lines[index] ?? '', this.#calls, this.#by),
        )
      }
    }
    for (const name of ['vary', 'cacheControl'] as const) {
      if (expected[name] !== undefined) this.#value(`${path}${name}`, expected[name], actual[name])
    }
    for (const [name, value] of headers) {
      const line = actual.headers?.find(([other]) => other.toLowerCase() === name.toLowerCase())
      this.#message(`${path}headers.${name}`, value, line?.[1], name === 'X-Error-Func')
    }
    this.#check(
      `${path}headers.length`,
      headers.length,
      actual.headers?.length ?? 0,
      actual.headers,
    )
    if (informational !== undefined || actual.informational !== undefined) {
      const statuses = (list: typeof informational) => (list ?? []).map(({ status }) => status)
      this.#value(`${path}informational`, statuses(informational), statuses(actual.informational))
    }
    if (expected.status !== undefined) this.#check(`${path}status`, expected.status, actual.status)
    if (expected.body !== undefined) {
      const prefix = 'custom: '
      if (expected.body.startsWith(prefix)) {
        const text = actual.body?.startsWith(prefix) ? actual.body.slice(prefix.length) : undefined
        this.#message(`${path}body`, expected.body.slice(prefix.length), text, true)
      } else this.#body(`${path}body`, expected.body, actual.body)
    }
    if (expected.jar !== undefined) this.#value(`${path}jar`, expected.jar, actual.jar)
    if (expected.ran !== undefined) this.#check(`${path}ran`, expected.ran, actual.ran)
    if (expected.results !== undefined) {
      this.#results(`${path}results`, expected.results, actual.results ?? [])
    }
    if (expected.err !== undefined) this.#message(`${path}err`, expected.err, actual.err, true)
  }

  // Of results that `writeResults` has written not every text has to be the same.
  #body(path: string, expected: string, actual = ''): void {
    const [wanted, found] = [expected.split('\n'), actual.split('\n')]
    if (wanted.length !== found.length) {
      this.#text(path, expected, actual)
      return
    }
    for (const [index, line] of wanted.entries()) {
      const [before, result] = resultAtEnd(line)
      const [beforeOther, other] = resultAtEnd(found[index] ?? '')
      if (result === undefined || other === undefined) this.#text(path, line, found[index])
      else {
        this.#text(path, before, beforeOther)
        this.#results(path, [result], [other])
      }
    }
  }

  #results(path: string, expected: readonly ResultEntry[], actual: readonly ResultEntry[]): void {
    this.#check(`${path}.length`, expected.length, actual.length, actual)
    for (const [index, entry] of expected.entries()) {
      const other = actual[index] ?? { op: '' }
      const { err, panic, results, sessions, ...rest } = entry
      const place = `${path}[${index}] ${entry.op}`
      this.#message(`${place}.err`, err, other.err, true)
      this.#panic(`${place}.panic`, panic, other.panic)
      if (results !== undefined) this.#results(`${place}.results`, results, other.results ?? [])
      if (sessions !== undefined) {
        this.#unordered(`${place}.sessions`, sessions, other.sessions ?? [])
      }
      for (const [name, value] of Object.entries(rest)) {
        // What Go gives beside an error is nobody's.
        if (err !== undefined && entry.op === 'commit' && name !== 'op') continue
        this.#value(`${place}.${name}`, value, other[name])
      }
    }
  }

  // SCS finds the sessions of a store in no particular order: calls that delete them one after the other have none.
  #callList(expected: readonly CallEntry[], actual: readonly CallEntry[]): void {
    this.#check('calls.length', expected.length, actual.length, actual.map(briefly))
    let iterated = false
    for (let index = 0; index < expected.length; ) {
      const entry = expected[index]
      if (entry === undefined) break
      iterated ||= entry.call.startsWith('all')
      let end = index + 1
      if (iterated && entry.call.startsWith('delete')) {
        while (expected[end]?.call === entry.call) end++
        this.#unordered('calls', expected.slice(index, end), actual.slice(index, end))
      } else this.#entry(`calls[${index}]`, entry, actual[index] ?? {})
      index = end
    }
  }

  // A list whose order is nobody's: each expected element takes the first that fits it.
  #unordered(path: string, expected: readonly object[], actual: readonly object[]): void {
    this.#check(`${path}.length`, expected.length, actual.length, actual)
    const left = [...actual]
    for (const [index, entry] of expected.entries()) {
      const fitting = left.findIndex((candidate) => this.#fits(path, entry, candidate))
      const [taken = {}] = left.splice(Math.max(fitting, 0), 1)
      this.#entry(`${path}[${index}]`, entry, taken)
    }
  }

  #fits(path: string, expected: object, actual: object): boolean {
    const { placeholders } = this.#by
    const before = placeholders.snapshot()
    const trial = new Comparer(this.#calls, { ...this.#by, count: () => {} })
    trial.#entry(path, expected, actual)
    if (trial.#differences.length === 0) return true
    placeholders.restore(before)
    return false
  }

  #entry(path: string, expected: object, actual: object): void {
    const others = actual as Record<string, unknown>
    for (const name of new Set([...Object.keys(expected), ...Object.keys(actual)])) {
      const value = (expected as Record<string, unknown>)[name]
      const place = `${path}.${name}`
      if (name === 'results') {
        this.#results(place, (value ?? []) as ResultEntry[], (others[name] ?? []) as ResultEntry[])
      } else if (name === 'tokens') {
        this.#unorderedTexts(place, (value ?? []) as string[], (others[name] ?? []) as string[])
      } else if (name === 'decodeErr') {
        this.#check(place, value !== undefined, others[name] !== undefined)
      } else if (path.startsWith('rows') && name === 'expiry' && value === undefined) {
        // The original does not know every row's.
      } else this.#value(place, value, others[name])
    }
  }

  #unorderedTexts(path: string, expected: readonly string[], actual: readonly string[]): void {
    const wrapped = (texts: readonly string[]) => texts.map((text) => ({ text }))
    this.#unordered(path, wrapped(expected), wrapped(actual))
  }

  #value(path: string, expected: unknown, actual: unknown): void {
    if (typeof expected === 'string') this.#text(path, expected, actual)
    else if (Array.isArray(expected)) this.#list(path, expected, actual ?? [])
    else if (typeof expected === 'object' && expected !== null) {
      this.#object(path, expected as Record<string, unknown>, actual ?? {})
    } else if (expected === undefined || expected === null) {
      // Go leaves out what is empty.
      this.#check(path, true, isEmpty(actual), actual)
    } else this.#check(path, expected, actual)
  }

  #list(path: string, expected: readonly unknown[], actual: unknown): void {
    const list = Array.isArray(actual) ? actual : []
    this.#check(`${path}.length`, expected.length, list.length, actual)
    for (const [index, item] of expected.entries()) {
      this.#value(`${path}[${index}]`, item, list[index])
    }
  }

  #object(path: string, expected: Record<string, unknown>, actual: unknown): void {
    const others = (typeof actual === 'object' ? actual : {}) as Record<string, unknown>
    const names = new Set([...Object.keys(expected), ...Object.keys(others)])
    // A nil slice and an empty one are Go's.
    if (typeof (expected as Partial<Typed>).t === 'string') names.delete('isNil')
    for (const name of names) {
      this.#value(`${path}.${name}`, own(expected, name), own(others, name))
    }
  }

  #text(path: string, expected: string, actual: unknown): void {
    const { placeholders, moment, count } = this.#by
    if (setCookiePattern.test(expected)) {
      this.#note(path, compareSetCookie(expected, String(actual), this.#calls, this.#by))
      return
    }
    count()
    if (typeof actual !== 'string' || !placeholders.matches(expected, actual, moment)) {
      this.#note(path, [`expected ${briefly(expected)}, got ${briefly(actual)}`])
    }
  }

  // An error text of the transcript's own is compared whole, one of Go's for presence.
  #message(path: string, expected: unknown, actual: unknown, goMay: boolean): void {
    if (expected === undefined && actual === undefined) return
    const foreign = goMay && typeof expected === 'string' && expected !== ''
    if (foreign && !this.#by.messages.has(expected)) {
      this.#check(path, true, typeof actual === 'string' && actual !== '', actual)
    } else this.#value(path, expected, actual)
  }

  #panic(path: string, expected: string | undefined, actual: string | undefined): void {
    const notIterable = /does not support iteration/
    if (expected !== undefined && notIterable.test(expected)) {
      // What comes before names a type of Go's.
      this.#check(path, true, actual !== undefined && notIterable.test(actual), actual)
    } else this.#message(path, expected, actual, false)
  }

  #check(path: string, expected: unknown, actual: unknown, shown: unknown = actual): void {
    this.#by.count()
    if (expected !== actual) {
      this.#note(path, [`expected ${briefly(expected)}, got ${briefly(shown)}`])
    }
  }

  #note(path: string, problems: readonly string[]): void {
    for (const problem of problems) this.#differences.push(`${path}: ${problem}`)
  }
}

/** A Set-Cookie line with attributes, among the lines of a header. */
const setCookiePattern =
  /^[^=;\s]+=[^;]*; (?:Path|Domain|Expires|Max-Age|HttpOnly|Secure|SameSite|Partitioned)(?:[=;]|$)/

function resultAtEnd(line: string): [string, ResultEntry | undefined] {
  const at = line.search(/\{(?:"[^{]*)?"op":/)
  if (at === -1 || !line.endsWith('}')) return [line, undefined]
  try {
    return [line.slice(0, at), JSON.parse(line.slice(at)) as ResultEntry]
  } catch {
    return [line, undefined]
  }
}

function own(object: Record<string, unknown>, name: string): unknown {
  return Object.hasOwn(object, name) ? object[name] : undefined
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === '') return true
  return typeof value === 'object' && Object.keys(value).length === 0
}

function briefly(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing'
  return text.length > 300 ? `${text.slice(0, 300)}…` : text
}
