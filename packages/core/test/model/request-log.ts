import { type ContextKey, contextKey } from '../../src/index.ts'
import { SessionWork } from './session-work.ts'
import type { Change } from './state.ts'

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
  /** Whether a commit has found the session revoked. */
  revoked = false
  /** Whether a destroy is under way, or has failed. */
  destroying = false
  /** Sessions that it has found when it looked for one to merge. */
  readonly found = new Set<string>()
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

  /** It was destroyed; what follows is another session. */
  reset(deadline: number): void {
    for (const token of this.tokens) this.left(token)
    for (const [token, { taken }] of this.work.claims) if (taken) this.#former.add(token)
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
    if (this.#former.has(token)) return true
    if (this.tokens.has(token)) return this.destroying || this.filed !== token
    return this.work.claims.get(token)?.taken === true
  }
}
