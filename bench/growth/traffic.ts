import { randomInt } from 'node:crypto'
import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises'
import { type AtomicStore, background, type CtxStore, hour } from '@scs/core'
import { sessionBytes, tokenOf } from './fill.ts'

/** What requests ask of a store. */
export type Operation = 'find' | 'commit' | 'touch'

/** Milliseconds of each call. */
export type Times = Record<Operation, number[]>

/** What is asked. */
export type TrafficStore = Pick<CtxStore & AtomicStore, 'findCtx' | 'commitCtx' | 'touch'>

// Four finds, a commit and a touch: 300 calls a second.
const cycle: readonly Operation[] = ['find', 'find', 'commit', 'find', 'find', 'touch']
const interval = 1000 / 300
// A timer may come more than a millisecond late in a process that has nothing else to do.
const timerSlack = 2

const ctx = background()

/**
 * Calls at a fixed rate until `end`, of sessions that live. A time counts from when the call was due, so that one that could
 * not even begin is seen, as the process was busy. The timer's own lateness is not in it: the last moments are waited for turn
 * by turn of the event loop.
 */
export async function traffic(
  store: TrafficStore,
  rows: number,
  end: Promise<unknown>,
): Promise<Times> {
  const times: Times = { find: [], commit: [], touch: [] }
  const pending: Promise<void>[] = []
  const timed = async (operation: Operation, due: number) => {
    await call(operation, store, liveToken(rows))
    times[operation].push(performance.now() - due)
  }
  let ended = false
  end.then(() => {
    ended = true
  })
  let due = performance.now()
  for (let calls = 0; !ended; ) {
    // All that is overdue is asked at once, as it would come from the network.
    for (; due <= performance.now(); due += interval) {
      pending.push(timed(cycle[calls++ % cycle.length] ?? 'find', due))
    }
    if (due - performance.now() > timerSlack) await delay(1)
    else await nextTurn()
  }
  await Promise.all(pending)
  return times
}

/** One call about a session that is there. */
export async function call(
  operation: Operation,
  store: TrafficStore,
  token: string,
): Promise<void> {
  const expiry = new Date(Date.now() + 100 * hour)
  if (operation === 'find') {
    if (!(await store.findCtx(ctx, token))) throw new Error(`${token} is not found`)
  } else if (operation === 'commit') await store.commitCtx(ctx, token, sessionBytes, expiry)
  else if (!(await store.touch(ctx, token, expiry))) throw new Error(`${token} is gone`)
}

// Every other row has expired: the odd ones.
function liveToken(rows: number): string {
  return tokenOf(2 * (randomInt(rows / 2) + 1), rows)
}
