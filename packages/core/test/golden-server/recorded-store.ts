import { setImmediate as nextTurn } from 'node:timers/promises'
import {
  type Awaitable,
  type Codec,
  type Context,
  MemoryStore,
  type SessionStore,
} from '../../src/index.ts'
import { messageOf } from './error-funcs.ts'
import { type Typed, typedValues } from './typed-values.ts'

/** Which of SCS's interfaces a store shows: '' is Store and IterableStore. */
export type Iface = '' | 'ctx' | 'findctx' | 'noiter'

/** When a store answers: `now`, or with a promise that settles `later`. */
export type Pace = 'now' | 'later'

/** The calls that can be made to fail. */
export type Call = 'find' | 'commit' | 'delete' | 'all'

interface Failure {
  readonly message: string
  /** How many calls are still to fail; below zero: all. */
  left: number
}

/** A row as `dump` shows it. */
export interface DumpedRow {
  readonly token: string
  /** Known of a row that a manager committed. */
  readonly expiryMs: number | undefined
  readonly deadlineMs?: number | undefined
  readonly values?: Record<string, Typed> | undefined
  readonly decodeErr?: string
}

/**
 * A memory store that records every call of its managers, and fails where told to. What the managers are shown has
 * SCS's own methods alone, so that calls compare with those of the original.
 */
export class RecordedStore {
  /** What the managers are given. */
  readonly shown: SessionStore
  readonly #name: string
  readonly #codecs: readonly Codec[]
  readonly #record: (call: object) => void
  readonly #pace: Pace
  readonly #rows = new MemoryStore({ cleanupInterval: 0 })
  readonly #expiries = new Map<string, number>()
  readonly #failures = new Map<Call, Failure>()

  /** `codecs`: the first is that of the managers; the others are tried for what it cannot decode. */
  constructor(
    name: string,
    iface: Iface,
    codecs: readonly Codec[],
    record: (call: object) => void,
    pace: Pace,
  ) {
    this.#pace = pace
    this.#name = name
    this.#codecs = codecs
    this.#record = record
    this.shown = this.#methods(iface)
  }

  /** Makes the next `count` calls fail with `message`: -1 all of them, 0 none any more. */
  fail(call: Call, message: string, count: number): void {
    this.#failures.set(call, { message, left: count })
  }

  /** Files a row, unrecorded. */
  put(token: string, data: Uint8Array, expiry: Date): void {
    this.#expiries.delete(token)
    this.#rows.commit(token, data, expiry)
  }

  /** As {@link put}, encoded by the managers' codec. */
  putValues(
    token: string,
    deadline: Date,
    values: ReadonlyMap<string, unknown>,
    expiry: Date,
  ): void {
    this.put(token, this.#codec.encode(deadline, values), expiry)
  }

  /** Removes a row, unrecorded. */
  remove(token: string): void {
    this.#rows.delete(token)
  }

  /** The live rows. */
  dump(): DumpedRow[] {
    return [...this.#rows.all().keys()].flatMap((token) => this.row(token) ?? [])
  }

  /** One live row. */
  row(token: string): DumpedRow | undefined {
    const data = this.#rows.find(token)
    if (data === undefined) return undefined
    return { token, expiryMs: this.#expiries.get(token), ...this.#decoded(data) }
  }

  get #codec(): Codec {
    const [codec] = this.#codecs
    if (codec === undefined) throw new TypeError('a recorded store needs a codec')
    return codec
  }

  #methods(iface: Iface): SessionStore {
    const plain = {
      find: (token: string) => this.#paced(() => this.#find('find', token)),
      commit: (token: string, data: Uint8Array, expiry: Date) =>
        this.#paced(() => this.#commit('commit', token, data, expiry)),
      delete: (token: string) => this.#paced(() => this.#delete('delete', token)),
    }
    const findCtx = (_ctx: Context, token: string) =>
      this.#paced(() => this.#find('findCtx', token))
    switch (iface) {
      case 'noiter':
        return plain
      case 'findctx':
        return { ...plain, findCtx } as SessionStore
      case 'ctx':
        return {
          ...plain,
          findCtx,
          commitCtx: (_ctx: Context, token: string, data: Uint8Array, expiry: Date) =>
            this.#paced(() => this.#commit('commitCtx', token, data, expiry)),
          deleteCtx: (_ctx: Context, token: string) =>
            this.#paced(() => this.#delete('deleteCtx', token)),
          all: () => this.#paced(() => this.#all('all')),
          allCtx: (_ctx: Context) => this.#paced(() => this.#all('allCtx')),
        }
      default:
        return { ...plain, all: () => this.#paced(() => this.#all('all')) }
    }
  }

  #paced<T>(run: () => T): Awaitable<T> {
    return this.#pace === 'now' ? run() : nextTurn().then(run)
  }

  #find(call: string, token: string): Uint8Array | undefined {
    const data = this.#failing('find', { call, token, found: false }) ?? this.#rows.find(token)
    this.#write({ call, token, found: data !== undefined })
    return data
  }

  #commit(call: string, token: string, data: Uint8Array, expiry: Date): void {
    const { deadlineMs, values } = this.#decoded(data)
    const entry = { call, token, expiryMs: expiry.getTime(), deadlineMs, values }
    this.#failing('commit', entry)
    this.#rows.commit(token, data, expiry)
    this.#expiries.set(token, expiry.getTime())
    this.#write(entry)
  }

  #delete(call: string, token: string): void {
    this.#failing('delete', { call, token })
    this.#rows.delete(token)
    this.#write({ call, token })
  }

  #all(call: string): Map<string, Uint8Array> {
    this.#failing('all', { call, tokens: [] })
    const rows = this.#rows.all()
    this.#write({ call, tokens: [...rows.keys()] })
    return rows
  }

  #failing(call: Call, entry: object): undefined {
    const failure = this.#failures.get(call)
    if (failure === undefined || failure.left === 0) return
    failure.left--
    this.#write({ ...entry, err: failure.message })
    throw new Error(failure.message)
  }

  #write(entry: object): void {
    this.#record({ store: this.#name, ...entry })
  }

  #decoded(data: Uint8Array): Pick<DumpedRow, 'deadlineMs' | 'values' | 'decodeErr'> {
    let problem = ''
    for (const codec of this.#codecs) {
      try {
        const { deadline, values } = codec.decode(data)
        return { deadlineMs: deadline.getTime(), values: typedValues(values) }
      } catch (error) {
        problem ||= messageOf(error)
      }
    }
    return { decodeErr: problem }
  }
}
