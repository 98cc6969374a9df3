import type { CallEntry, RowEntry } from '../golden-replay/transcript.ts'
import type { Config } from '../golden-server/config.ts'
import { type Typed, timeText, zeroTime } from '../golden-server/typed-values.ts'
import type { Dialect } from './dialect.ts'
import { fromJson } from './values.ts'

/** A moment. `text` is Go's, where that has what a Date has not: a zone, nanoseconds. */
export interface Instant {
  readonly ms: number
  readonly text?: string | undefined
}

/** RFC 3339. */
export function instantText({ ms, text }: Instant): string {
  return text ?? timeText(new Date(ms))
}

/** An error that an operation gives; `foreign` is one of Go's own, whose text nothing here can tell. */
export class Failure extends Error {}

/** The text of an error of which only the presence is known. */
export const foreign = '<an error>'

/** What an operation in Go panics with. */
export class GoPanic extends Error {}

export type Call = 'find' | 'commit' | 'delete' | 'all'
export type Values = ReadonlyMap<string, Typed>

/** What a row holds. */
export interface Row {
  /** `undefined`: nothing that can be decoded. `nil`: a nil map. */
  readonly values: Values | 'nil' | undefined
  readonly deadline: Instant
  readonly expiry: Instant
  /** What can decode it. */
  readonly codec: string
  /** Whether a commit wrote it: of others the original does not know the expiry. */
  readonly isCommitted: boolean
}

/** One store of a transcript: its live rows, and the calls that are to fail. */
export class ModelStore {
  readonly name: string
  readonly #iface: string
  readonly #rows: Map<string, Row>
  readonly #failures: Map<Call, { message: string; left: number }>
  /** The clock of the world. */
  readonly #now: () => number
  readonly #record: (call: CallEntry) => void

  constructor(
    name: string,
    config: Config,
    now: () => number,
    record: (call: CallEntry) => void,
    before?: ModelStore,
  ) {
    this.name = name
    this.#iface = config.stores?.[name]?.iface ?? ''
    this.#now = now
    this.#record = record
    this.#rows = new Map(before ? before.#rows : [])
    this.#failures = new Map(
      [...(before ? before.#failures : [])].map(([call, failure]) => [call, { ...failure }]),
    )
  }

  get isIterable(): boolean {
    return this.#iface === '' || this.#iface === 'ctx'
  }

  fail(call: Call, message: string, left: number): void {
    this.#failures.set(call, { message, left })
  }

  put(token: string, row: Row): void {
    this.#rows.set(token, row)
  }

  remove(token: string): void {
    this.#rows.delete(token)
  }

  find(token: string): Row | undefined {
    const call = this.#named('find')
    this.#failing('find', { call, token, found: false })
    const row = this.#live(token)
    this.#write({ call, token, found: row !== undefined })
    return row
  }

  /** `told`: the values as they are recorded, which is after decoding them. */
  commit(token: string, row: Row, told: Readonly<Record<string, Typed>> | undefined): void {
    const entry = {
      call: this.#named('commit'),
      token,
      expiry: instantText(row.expiry),
      deadline: instantText(row.deadline),
      ...(told === undefined ? {} : { values: told }),
    }
    this.#failing('commit', entry)
    this.#rows.set(token, row)
    this.#write(entry)
  }

  delete(token: string): void {
    const entry = { call: this.#named('delete'), token }
    this.#failing('delete', entry)
    this.#rows.delete(token)
    this.#write(entry)
  }

  all(): [string, Row][] {
    const call = this.#iface === 'ctx' ? 'allCtx' : 'all'
    this.#failing('all', { call, tokens: [] })
    const rows = this.#liveRows()
    this.#write({ call, tokens: rows.map(([token]) => token) })
    return rows
  }

  dump(): RowEntry[] {
    return this.#liveRows().map(([token, { values, deadline, expiry, isCommitted }]) => ({
      token,
      ...(isCommitted ? { expiry: instantText(expiry) } : {}),
      ...(values === undefined
        ? { decodeErr: foreign }
        : { deadline: instantText(deadline), ...told(values === 'nil' ? new Map() : values) }),
    }))
  }

  #named(call: Call): string {
    const isCtx = this.#iface === 'ctx' || (this.#iface === 'findctx' && call === 'find')
    return isCtx ? `${call}Ctx` : call
  }

  #live(token: string): Row | undefined {
    const row = this.#rows.get(token)
    return row && row.expiry.ms > this.#now() ? row : undefined
  }

  #liveRows(): [string, Row][] {
    return [...this.#rows].filter(([, row]) => row.expiry.ms > this.#now())
  }

  #failing(call: Call, entry: Omit<CallEntry, 'store'>): void {
    const failure = this.#failures.get(call)
    if (failure === undefined || failure.left === 0) return
    failure.left--
    this.#write({ ...entry, err: failure.message })
    throw new Failure(failure.message)
  }

  #write(entry: Omit<CallEntry, 'store'>): void {
    this.#record({ store: this.name, ...entry })
  }
}

/** Values as a field of a call or row: left out when there is none, as Go does. */
export function told(values: Values): { values?: Record<string, Typed> } {
  return values.size === 0 ? {} : { values: Object.fromEntries(values) }
}

const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/

/** What a codec of plain JSON reads in bytes: field names in any case, a deadline that is missing as Go's zero time. */
export function rowOfJson(hex: string, dialect: Dialect): Pick<Row, 'values' | 'deadline'> {
  const unreadable = { values: undefined, deadline: { ms: 0 } }
  try {
    const parsed: unknown = JSON.parse(Buffer.from(hex, 'hex').toString())
    if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return unreadable
    const field = (name: string) =>
      Object.entries(parsed).findLast(([key]) => key.toLowerCase() === name)?.[1] as unknown
    const deadline = field('deadline') ?? timeText(new Date(zeroTime))
    const values = field('values') ?? 'nil'
    const ms =
      typeof deadline === 'string' && rfc3339.test(deadline) ? Date.parse(deadline) : Number.NaN
    if (Number.isNaN(ms) || (values !== 'nil' && typeof values !== 'object')) return unreadable
    if (values === 'nil') return { values, deadline: { ms } }
    const entries = Object.entries(values as object)
    return {
      values: new Map(entries.map(([key, value]) => [key, fromJson(value, dialect)])),
      deadline: { ms },
    }
  } catch {
    return unreadable
  }
}
