import type { ManagerConfig } from '../golden-server/config.ts'
import { compareBytes, type Typed } from '../golden-server/typed-values.ts'
import { type DepartureKey, type Dialect, isGo } from './dialect.ts'
import {
  Failure,
  foreign,
  GoPanic,
  type Instant,
  type ModelStore,
  type Row,
  told,
} from './store.ts'
import { hashed, isToken } from './tokens.ts'
import { decoded, isTooLarge, kept } from './values.ts'

export type Status = 'Unmodified' | 'Modified' | 'Destroyed'

const rememberMeKey = '__rememberMe'
const ownKeys: readonly string[] = ['__write']
const zeroTime = -62_135_596_800_000

/** One session as one request sees it. */
export class Session {
  status: Status = 'Unmodified'
  token = ''
  storeToken = ''
  deadline: Instant
  values: Map<string, Typed> | 'nil'
  /** What the last commit or find filed it under. */
  stored: string | undefined
  /** Rows that may hold it. */
  rows: string[] = []
  /** Changes that no commit has written. */
  pending = 0
  /** Modified only so that its expiry moves. */
  isTouched = false
  headersLeft = false
  cookieSent = false
  /** Where the other cookies of the request may have rows: a logout deletes those too. */
  others: string[] = []

  constructor(deadline: Instant, values: Map<string, Typed> | 'nil' = new Map()) {
    this.deadline = deadline
    this.values = values
  }

  get renewed(): boolean {
    return this.stored !== undefined && this.stored !== this.storeToken
  }
}

/** What a commit gives. */
export interface Committed {
  readonly token: string
  readonly expiry: Instant
}

/** What the managers of a model share. */
export interface Surroundings {
  readonly dialect: Dialect
  readonly registered: boolean
  now(): number
  newToken(manager: number): string
}

/** A session manager of the model: the operations of SCS on sessions, with this package's departures. */
export class ModelManager {
  readonly index: number
  readonly config: ManagerConfig
  readonly store: ModelStore
  readonly #world: Surroundings

  constructor(index: number, config: ManagerConfig, store: ModelStore, world: Surroundings) {
    this.index = index
    this.config = config
    this.store = store
    this.#world = world
  }

  get cookieName(): string {
    return this.config.cookie?.name ?? 'session'
  }

  get #codec(): string {
    return this.config.codec || 'gob'
  }

  /** The session of the first of `tokens` that is found. */
  load(tokens: readonly string[]): Session {
    const usable = tokens.filter(
      (token) => token !== '' && (!this.#departs('tokenGrammar') || isToken(token)),
    )
    const session = this.#first(usable) ?? this.#fresh()
    if (usable.length < 2) return session
    session.others = usable
      .map((token) => this.#storeToken(token))
      .filter((storeToken) => storeToken !== session.storeToken)
    return session
  }

  // One that is unreadable is passed over, and an error when there is no other.
  #first(tokens: readonly string[]): Session | undefined {
    let unreadable: Failure | undefined
    for (const token of tokens) {
      const storeToken = this.#storeToken(token)
      const row = this.store.find(storeToken)
      try {
        const state = row && this.#decode(row)
        if (state === undefined) continue
        const session = this.#filed(token, storeToken, state)
        if ((this.config.idleTimeoutMs ?? 0) > 0) {
          session.status = 'Modified'
          session.isTouched = true
        }
        return session
      } catch (error) {
        if (!(error instanceof Failure)) throw error
        unreadable ??= error
      }
    }
    if (unreadable) throw unreadable
    return undefined
  }

  /** `undefined`: the session is not written, and that is no error. */
  commit(session: Session): Committed | undefined {
    this.#requireReachable(session)
    return this.write(session)
  }

  /** The commit of the middleware. */
  write(session: Session): Committed | undefined {
    try {
      return this.#write(session)
    } catch (error) {
      const mayFail = error instanceof Failure && session.isTouched
      if (mayFail && this.#departs('touchMayFail')) return undefined
      throw error
    }
  }

  #write(session: Session): Committed {
    const atCommit = this.#departs('renewAtCommit')
    const again = atCommit && session.renewed && session.rows.includes(session.storeToken)
    if (again || session.storeToken === '') this.#identify(session)
    const { storeToken, token } = session
    const values = session.values === 'nil' ? new Map<string, Typed>() : session.values
    const written = new Map<string, Typed>()
    for (const [key, typed] of values) {
      const value = decoded(typed, this.#codec, this.#world.registered, this.#world.dialect)
      if (value === undefined) throw new Failure(foreign)
      written.set(key, value)
    }
    if (this.#departs('maxSize') && isTooLarge(written, this.#codec)) throw new Failure(foreign)
    const expiry = this.#expiry(session.deadline)
    if (atCommit && !session.rows.includes(storeToken)) session.rows.push(storeToken)
    const isNil = session.values === 'nil' && !this.#departs('emptyMap')
    const row: Row = {
      values: isNil ? 'nil' : written,
      deadline: session.deadline,
      expiry,
      codec: this.#codec,
      isCommitted: true,
    }
    this.store.commit(storeToken, row, told(written).values)
    if (atCommit) this.#dropOthers(session)
    session.pending = 0
    session.stored = storeToken
    return { token, expiry }
  }

  destroy(session: Session): void {
    if (this.#departs('renewAtCommit') && session.rows.length > 0) {
      for (const row of session.rows) this.store.delete(row)
    } else if (session.storeToken !== '' && !this.#departs('renewAtCommit')) {
      this.store.delete(session.storeToken)
    } else if (!this.#departs('nothingToDelete')) this.store.delete(this.#storeToken(''))
    for (const row of session.others) this.store.delete(row)
    session.others = []
    session.status = 'Destroyed'
    session.isTouched = false
    session.token = ''
    session.storeToken = ''
    session.stored = undefined
    session.rows = []
    session.deadline = this.#newDeadline()
    if (session.values !== 'nil') session.values.clear()
    session.pending = 0
    session.cookieSent = false
    if (this.#departs('lateChanges') && session.headersLeft) throw new Failure(foreign)
  }

  renewToken(session: Session): void {
    if (this.#departs('lateChanges') && session.headersLeft) throw new Failure(foreign)
    if (!this.#departs('renewAtCommit') && session.token !== '') {
      this.store.delete(session.storeToken)
    }
    this.#identify(session)
    session.deadline = this.#newDeadline()
    this.#changed(session)
  }

  merge(session: Session, token: string): void {
    if (this.#departs('tokenGrammar') && !isToken(token)) return
    const storeToken = this.#storeToken(token)
    const row = this.store.find(storeToken)
    const state = row && this.#decode(row)
    if (state === undefined) return
    if (session.token === token || session.storeToken === storeToken) return
    if (this.#departs('renewAtCommit') && session.rows.includes(storeToken)) return
    this.#requireReachable(session)
    if (state.deadline.ms > session.deadline.ms) session.deadline = state.deadline
    for (const [key, value] of state.values === 'nil' ? [] : state.values) {
      this.#writable(session).set(key, value)
    }
    this.#changed(session)
    this.store.delete(storeToken)
  }

  /** The sessions of the store, those that can be decoded; an error at the first other one in SCS. */
  *all(): Generator<Session, void> {
    if (!this.store.isIterable) throw new GoPanic('does not support iteration')
    for (const [storeToken, row] of this.store.all()) {
      const state = this.#decodeOrSkip(row)
      if (state === undefined) continue
      const isHashed = this.config.hashTokenInStore === true
      const once = this.#departs('hashedOnce')
      const token = isHashed && once ? '' : storeToken
      yield this.#filed(token, isHashed && !once ? hashed(storeToken) : storeToken, state)
    }
  }

  put(session: Session, key: string, typed: Typed): void {
    if (this.#departs('ownKeys') && ownKeys.includes(key)) throw new Failure(foreign)
    this.#requireReachable(session)
    this.#writable(session).set(key, kept(typed, this.#world.dialect))
    this.#changed(session)
  }

  get({ values }: Session, key: string): Typed | undefined {
    return values === 'nil' ? undefined : values.get(key)
  }

  pop(session: Session, key: string): Typed | undefined {
    const value = this.get(session, key)
    this.remove(session, key)
    return value
  }

  remove(session: Session, key: string): void {
    if (session.values === 'nil' || !session.values.has(key)) return
    this.#requireReachable(session)
    session.values.delete(key)
    this.#changed(session)
  }

  clear(session: Session): void {
    if (session.values === 'nil') return
    const keys = this.#departs('rememberMe') ? this.keys(session) : [...session.values.keys()]
    if (keys.length === 0) return
    this.#requireReachable(session)
    for (const key of keys) session.values.delete(key)
    this.#changed(session)
  }

  keys({ values }: Session): string[] {
    const keys = values === 'nil' ? [] : [...values.keys()]
    const hidden = [
      ...(this.#departs('rememberMe') ? [rememberMeKey] : []),
      ...(this.#departs('ownKeys') ? ownKeys : []),
    ]
    return keys.filter((key) => !hidden.includes(key)).sort(compareBytes)
  }

  rememberMe(session: Session, v: boolean): void {
    this.put(session, rememberMeKey, { t: 'bool', v })
  }

  setDeadline(session: Session, deadline: Instant): void {
    this.#requireReachable(session)
    session.deadline = this.#departs('utcTimes') ? { ms: deadline.ms } : deadline
    this.#changed(session)
  }

  isRemembered(session: Session): boolean {
    const value = this.get(session, rememberMeKey)
    return value?.t === 'bool' && value.v === true
  }

  // A row of values and a deadline; an error when it cannot be decoded.
  #decode(row: Row): Pick<Session, 'values' | 'deadline'> | undefined {
    if (row.values === undefined || row.codec !== this.#codec) throw new Failure(foreign)
    if (this.#departs('pastDeadline') && row.deadline.ms <= this.#world.now()) return undefined
    const isNil = row.values === 'nil' && !this.#departs('emptyMap')
    const values = isNil ? 'nil' : new Map(row.values === 'nil' ? [] : row.values)
    return { values, deadline: row.deadline }
  }

  #decodeOrSkip(row: Row): Pick<Session, 'values' | 'deadline'> | undefined {
    try {
      return this.#decode(row)
    } catch (error) {
      if (this.#departs('iterateSkips')) return undefined
      throw error
    }
  }

  // The old rows go when the new one is in; if they cannot, the new one does.
  #dropOthers(session: Session): void {
    const others = session.rows.filter((row) => row !== session.storeToken)
    try {
      for (const row of others) this.store.delete(row)
    } catch (error) {
      try {
        this.store.delete(session.storeToken)
        session.rows = others
      } catch {
        // Told to onError.
      }
      throw error
    }
    session.rows = [session.storeToken]
  }

  #fresh(): Session {
    return new Session(this.#newDeadline())
  }

  #filed(
    token: string,
    storeToken: string,
    { deadline, values }: Pick<Session, 'values' | 'deadline'>,
  ): Session {
    const session = new Session(deadline, values)
    session.token = token
    session.storeToken = storeToken
    session.stored = storeToken
    session.rows = [storeToken]
    return session
  }

  #identify(session: Session): void {
    session.token = this.#world.newToken(this.index)
    session.storeToken = this.#storeToken(session.token)
  }

  #storeToken(token: string): string {
    return this.config.hashTokenInStore ? hashed(token) : token
  }

  #newDeadline(): Instant {
    return { ms: this.#world.now() + (this.config.lifetimeMs ?? 86_400_000) }
  }

  #expiry(deadline: Instant): Instant {
    const { idleTimeoutMs = 0 } = this.config
    const idle = this.#world.now() + idleTimeoutMs
    return idleTimeoutMs > 0 && idle < deadline.ms ? { ms: idle } : deadline
  }

  #writable(session: Session): Map<string, Typed> {
    if (session.values === 'nil') throw new GoPanic('assignment to entry in nil map')
    return session.values
  }

  #changed(session: Session): void {
    session.status = 'Modified'
    session.isTouched = false
    session.pending++
  }

  // Where the client could never learn of a new session.
  #requireReachable({ headersLeft, cookieSent, storeToken }: Session): void {
    if (!this.#departs('lateChanges') || !headersLeft || cookieSent || storeToken !== '') return
    throw new Failure(foreign)
  }

  #departs(key: DepartureKey): boolean {
    return this.#world.dialect.has(key)
  }
}

/** Whether a session cookie of this expiry deletes: Go's zero time. */
export function isZero({ ms }: Instant): boolean {
  return ms === zeroTime
}

export { isGo }
