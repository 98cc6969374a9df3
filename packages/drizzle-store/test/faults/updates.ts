import { expect } from 'vitest'
import type { Answer, ServerProcess, Told } from './server-process.ts'

/** One session under many updates, and what came of them. */
export class UpdatedSession {
  readonly cookie: string
  /** Whether each update also puts a key of its own. Without, two of them may be the same but for their order. */
  readonly keyed: boolean
  readonly acknowledged: string[] = []
  readonly failed: string[] = []
  #sent = 0

  constructor(cookie: string, keyed: boolean) {
    this.cookie = cookie
    this.keyed = keyed
  }

  /** A new session, made by `by`. */
  static async start(by: ServerProcess, keyed: boolean): Promise<UpdatedSession> {
    const { cookie } = await by.get('/start')
    if (cookie === undefined) throw new Error('no cookie for a new session')
    return new UpdatedSession(cookie, keyed)
  }

  /** Adds one to the counter; whether that was acknowledged. Anything but an answer of the application's rejects. */
  async add(by: ServerProcess): Promise<boolean> {
    const name = String(this.#sent++)
    const answer = await by.get(this.keyed ? `/add?by=${name}` : '/add', this.cookie)
    const isDone = answer.status === 200
    if (!isDone) expectErrorResponse(answer)
    const list = isDone ? this.acknowledged : this.failed
    list.push(name)
    return isDone
  }

  /**
   * The session holds each acknowledged update once, and each failed one at most once.
   *
   * @param mayLose whether the database may have lost what it had acknowledged
   */
  async check(by: ServerProcess, mayLose = false): Promise<void> {
    const answer = await by.get('/read', this.cookie)
    expect(answer.status).toBe(200)
    // A session that is lost as a whole has no counter.
    const { count = 0, keys } = JSON.parse(answer.body) as Told
    const acknowledged = this.acknowledged.length
    expect(count).toBeLessThanOrEqual(acknowledged + this.failed.length)
    if (!mayLose) expect(count).toBeGreaterThanOrEqual(acknowledged)
    if (!this.keyed) return
    const own = keys.flatMap((key) => (key.startsWith('by-') ? [key.slice(3)] : []))
    if (!mayLose) expect(own).toEqual(expect.arrayContaining(this.acknowledged))
    // Key and counter were written together: a counter beyond the keys has counted one of them twice.
    expect(count).toBe(own.length)
  }
}

/** The answer of `errorFunc`, which tells nothing of the session and leaves its cookie alone. */
export function expectErrorResponse({ status, body, cookie }: Answer): void {
  expect({ status, body, cookie }).toEqual({
    status: 500,
    body: expect.stringMatching(
      /^failed: (?:Error: \w+Store could not |SessionError: the store did not answer )/,
    ),
    cookie: undefined,
  })
}
