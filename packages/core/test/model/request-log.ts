import { type ContextKey, contextKey, type Swap } from '../../src/index.ts'
import { SessionWork } from './session-work.ts'
import { type Change, isLive } from './state.ts'

/** Carries the log of a request to the store. */
export const requestKey: ContextKey<RequestLog> = contextKey('model.request')

/** What one request has done, and which sessions are its own. */
export class RequestLog {
  readonly name: string
  /** What it does to its present session. */
  work: SessionWork
  /** The store token that the client knows, '' for none. */
  filed = ''
  /** Every store token that a row of this session was, or may have been, written under. */
  readonly tokens = new Set<string>()
  /** What it has deleted of the session that it ends while it signs out everywhere; `undefined` when it does not. */
  signedOut: Set<string> | undefined
  /** What it has sought to delete while it did; it may be done late. */
  readonly #signsOut = new Set<string>()
  /** Whether a commit has found the session revoked. */
  revoked = false
  /** Whether a destroy is under way, or has failed. */
  destroying = false
  /** Sessions that it has found when it looked for one to merge. */
  readonly found = new Set<string>()
  /** Sessions that some commit of it was to merge. */
  readonly merged = new Set<string>()
  /** What it wrote or claimed before it destroyed its session may still be deleted. */
  readonly #former = new Set<string>()

  constructor(name: string) {
    this.name = name
    this.work = new SessionWork(name, 0)
  }

  get changes(): Change[] {
    return this.work.changes
  }

  /** The session was found under `filed`, or is a new one with '' and this deadline. */
  loaded(filed: string, deadline: number): void {
    this.work = new SessionWork(this.name, deadline)
    this.filed = filed
    if (filed !== '') this.tokens.add(filed)
  }

  /** It is about to delete the row under `token`. */
  deletes(token: string): void {
    if (this.signedOut) this.#signsOut.add(token)
  }

  /** It is about to write. */
  sends(swap: Swap): void {
    this.tokens.add(swap.to.token)
    this.work.sent.push({ ...this.work.moment, swap })
  }

  /** It has read the row under `token`. */
  saw(token: string, data: Uint8Array | undefined): void {
    const { sent } = this.work
    if (data && isLive(data)) this.found.add(token)
    if (!data) return
    for (const one of sent) {
      const { to } = one.swap
      if (to.token === token && Buffer.compare(to.data, data) === 0) this.work.sawItsBytes(one)
    }
  }

  /** It was destroyed; what follows is another session. */
  reset(deadline: number): void {
    for (const token of this.tokens) this.left(token)
    this.revoked = false
    this.loaded('', deadline)
  }

  /** Its session has moved away from `token`. */
  left(token: string): void {
    this.tokens.delete(token)
    this.#former.add(token)
  }

  /** Whether it may delete what is under `token`. */
  mayDelete(token: string): boolean {
    if (this.#former.has(token) || this.#signsOut.has(token)) return true
    return this.tokens.has(token) && this.destroying
  }
}
