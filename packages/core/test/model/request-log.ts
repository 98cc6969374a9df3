import { isSame } from '../../src/bytes.ts'
import { type ContextKey, contextKey } from '../../src/index.ts'
import { SessionWork } from './session-work.ts'
import { type Change, isClaimed, isLive } from './state.ts'

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
  /** The token of its cookie, when another request was taking that session in: its own stands in for it. '' for none. */
  standsInFor = ''
  /** What it stood in for before it renewed its token: it goes when that is committed. */
  readonly leaving = new Set<string>()
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
  /** Sessions that it has found while another took them in. */
  readonly foundClaimed = new Set<string>()
  /** Sessions that some commit of it was to take in; one that failed gives them back also after a destroy. */
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

  /** Its token was renewed. */
  renewed(): void {
    if (this.standsInFor !== '') this.leaving.add(this.standsInFor)
    this.standsInFor = ''
  }

  /** Tokens of sessions that it ends, whatever another takes in just then. */
  get ended(): string[] {
    return [...this.leaving, ...(this.standsInFor === '' ? [] : [this.standsInFor])]
  }

  /** It is about to delete the row under `token`. */
  deletes(token: string): void {
    if (this.signedOut) this.#signsOut.add(token)
  }

  /** It has read the row under `token`. */
  saw(token: string, data: Uint8Array | undefined): void {
    const { claims, sent } = this.work
    if (data && isLive(data)) this.found.add(token)
    if (data && isClaimed(data)) this.foundClaimed.add(token)
    // What it had claimed has been destroyed meanwhile.
    if (!data && !claims.get(token)?.taken) claims.delete(token)
    const mine = data && sent.find((one) => one.token === token && isSame(one.data, data))
    if (mine) this.work.sawItsBytes(mine)
  }

  /** It was destroyed; what follows is another session. */
  reset(deadline: number): void {
    for (const token of [...this.tokens, ...this.ended]) this.left(token)
    this.standsInFor = ''
    this.leaving.clear()
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
    if (this.#former.has(token) || this.#signsOut.has(token)) return true
    if (this.leaving.has(token)) return true
    if (this.standsInFor === token) return this.destroying
    if (this.tokens.has(token)) return this.destroying || this.filed !== token
    const claim = this.work.claims.get(token)
    return claim?.taken === true || claim?.mayBeTaken === true
  }
}
