import {
  background,
  type Context,
  hour,
  minute,
  type SessionManager,
  withValue,
} from '../../src/index.ts'
import { generateToken, hashToken } from '../../src/session/token.ts'
import type { History } from './history.ts'
import type { Program, Request, Step } from './program.ts'
import { type RequestLog, requestKey } from './request-log.ts'
import { bytesOf, incremented, tagged } from './state.ts'

/** Where a program runs. */
export interface World {
  /** One for each process. */
  readonly managers: readonly SessionManager[]
  readonly history: History
  /** Whether store calls may fail. */
  readonly faulty: boolean
  /** Whether the clock moves. */
  readonly mayExpire: boolean
  /** Writes a session without anybody's knowledge. */
  seed(storeToken: string, data: Uint8Array, expiry: Date): unknown
  /** Lets others do something. */
  pause(): PromiseLike<unknown>
}

/** Runs the requests of a program at once, and tells the history of the answers that they get. */
export async function runProgram({ browsers, requests }: Program, world: World): Promise<void> {
  const jar = Array.from({ length: browsers }, generateToken)
  for (const [n, token] of jar.entries()) {
    const values = new Map([
      ['a', `s${n}`],
      ['b', [`t${n}`]],
    ] as [string, unknown][])
    const state = { deadline: Date.now() + 10 * hour, values }
    const storeToken = storeTokenOf(world.managers[0], token)
    await world.seed(storeToken, bytesOf(state), new Date(state.deadline))
    world.history.seed(storeToken, state)
  }
  const running = requests.map((request, n) =>
    new RunningRequest(request, `r${n}`, world, jar).run(),
  )
  await Promise.all(running)
}

function storeTokenOf(manager: SessionManager | undefined, token: string): string {
  return manager?.hashTokenInStore && token !== '' ? hashToken(token) : token
}

class RunningRequest {
  readonly #request: Request
  readonly #name: string
  readonly #world: World
  readonly #jar: string[]
  readonly #manager: SessionManager
  readonly #log: RequestLog
  #ctx: Context
  #unawaited: Promise<unknown>[] = []

  constructor(request: Request, name: string, world: World, jar: string[]) {
    const manager = world.managers[request.process]
    if (!manager) throw new TypeError(`there is no process ${request.process}`)
    this.#request = request
    this.#name = name
    this.#world = world
    this.#jar = jar
    this.#manager = manager
    this.#log = world.history.request(name)
    this.#ctx = withValue(background(), requestKey, this.#log)
  }

  async run(): Promise<void> {
    await this.#world.pause()
    if (!(await this.#load())) return
    for (const [n, step] of this.#request.steps.entries()) await this.#step(step, n)
    // What the middleware does at the first byte.
    if (this.#manager.status(this.#ctx) === 'modified') await this.#commit()
    await Promise.all(this.#unawaited)
  }

  async #load(): Promise<boolean> {
    const manager = this.#manager
    const cookie = this.#jar[this.#request.browser] ?? ''
    try {
      this.#ctx = await manager.load(this.#ctx, cookie)
    } catch (error) {
      this.#expectFault(error)
      return false
    }
    const storeToken = storeTokenOf(manager, manager.token(this.#ctx))
    this.#log.loaded(storeToken, manager.deadline(this.#ctx).getTime())
    return true
  }

  async #step(step: Step, n: number): Promise<void> {
    const manager = this.#manager
    const ctx = this.#ctx
    const log = this.#log
    const tag = `${this.#name}.${n}`
    switch (step.do) {
      case 'pause':
        await this.#world.pause()
        return
      case 'put':
        manager.put(ctx, step.key, tag)
        log.changes.push({ kind: 'put', key: step.key, value: tag })
        return
      case 'update':
        manager.update(ctx, step.key, (current) => tagged(current, tag))
        log.changes.push({ kind: 'update', key: step.key, tag })
        return
      case 'count':
        manager.update(ctx, 'n', incremented)
        log.changes.push({ kind: 'count', key: 'n' })
        return
      case 'remove':
      case 'pop':
        // Only what is seen is taken out.
        if (manager.exists(ctx, step.key)) log.changes.push({ kind: 'delete', key: step.key })
        manager[step.do](ctx, step.key)
        return
      case 'clear':
        if (manager.keys(ctx).length > 0) log.changes.push({ kind: 'clear' })
        manager.clear(ctx)
        return
      case 'rememberMe':
        manager.rememberMe(ctx, step.remember)
        log.changes.push({ kind: 'put', key: '__rememberMe', value: step.remember })
        return
      case 'setDeadline': {
        const at = Date.now() + step.minutes * minute
        manager.setDeadline(ctx, new Date(at))
        log.changes.push({ kind: 'deadline', at })
        return
      }
      case 'commit':
        if (step.awaited) await this.#commit()
        else this.#unawaited.push(this.#commit())
        return
      case 'renewToken':
        await this.#try(async () => {
          await manager.renewToken(ctx)
          log.changes.push({ kind: 'deadline', at: manager.deadline(ctx).getTime() })
        })
        return
      case 'mergeSession':
        await this.#merge(this.#jar[step.browser] ?? '')
        return
      case 'signOutEverywhere':
        await this.#try(async () => {
          await manager.iterate(ctx, async (each) => {
            log.signedOut = new Set()
            await manager.destroy(each)
            this.#world.history.signedOut(log)
          })
        })
        log.signedOut = undefined
        return
      case 'destroy':
        log.destroying = true
        await this.#try(async () => {
          await manager.destroy(ctx)
          this.#world.history.destroyed(log, manager.deadline(ctx).getTime())
          log.destroying = false
        })
    }
  }

  // After the commits that are under way: the model must know which sessions are still to be merged.
  async #merge(token: string): Promise<void> {
    await Promise.all(this.#unawaited)
    const log = this.#log
    const from = storeTokenOf(this.#manager, token)
    log.found.delete(from)
    await this.#try(async () => {
      await this.#manager.mergeSession(this.#ctx, token)
      if (!log.found.has(from) || log.tokens.has(from)) return
      if (log.work.merging.has(from)) return
      log.work.merging.add(from)
      log.merged.add(from)
      log.changes.push({ kind: 'merge', from })
    })
  }

  async #commit(): Promise<void> {
    const { history } = this.#world
    const manager = this.#manager
    const log = this.#log
    const { work } = log
    const count = log.changes.length
    const earlier = [...this.#unawaited]
    await this.#try(async () => {
      const committed = await manager.commit(this.#ctx)
      if (!committed) {
        // Only a touch may fail without being an error.
        const wasTouch = this.#world.faulty && count === 0
        if (wasTouch && manager.status(this.#ctx) !== 'revoked') return
        // An earlier commit may have found it revoked, and not have rejected yet.
        await Promise.all(earlier)
        // It has been destroyed meanwhile: what follows is another session.
        return log.work === work ? this.#toldOfRevocation() : undefined
      }
      history.acknowledged(log, count, storeTokenOf(manager, committed.token))
      this.#jar[this.#request.browser] = committed.token
    })
  }

  // A login that did not happen must not be answered as if it had.
  #toldOfRevocation(): void {
    const { history, mayExpire } = this.#world
    const log = this.#log
    const token = storeTokenOf(this.#manager, this.#manager.token(this.#ctx))
    // A renewal that came late may be in effect, and expire or be destroyed before it is heard of.
    const mayBeOver = mayExpire || log.destroying || history.wasDeleted(token)
    if (!mayBeOver && !log.revoked && log.filed !== '' && log.filed !== token) {
      history.violation(`${log.name} was not told that its renewal failed`)
    }
    history.revoked(log)
  }

  // Runs what may be refused for a reason that is known.
  async #try(act: () => Promise<void>): Promise<void> {
    try {
      await act()
    } catch (error) {
      if (codeOf(error) !== 'ERR_SESSION_REVOKED') return this.#expectFault(error)
      this.#world.history.revoked(this.#log)
    }
  }

  #expectFault(error: unknown): void {
    const known = error instanceof ConnectionLost || faults.includes(codeOf(error))
    if (this.#world.faulty && known) return
    this.#world.history.violation(`${this.#name} failed: ${(error as Error).stack}`)
  }
}

const faults: unknown[] = ['ERR_SESSION_IN_DOUBT', 'ERR_SESSION_STORE_TIMEOUT']

function codeOf(error: unknown): string | undefined {
  return (error as { code?: string }).code
}

/** What a store call fails with that was cut off. */
export class ConnectionLost extends Error {
  override name = 'ConnectionLost'
}
