// A process that is flooded with new sessions, or floods, for flood.ts. Answers by messages.
import { randomBytes } from 'node:crypto'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises'
import { background, hour, minute, second } from '@scs/core'
import { quantileOf } from '../support/statistics.ts'
import { CleanupSteps, type Steps } from './cleanup-steps.ts'
import { sessionBytes, tokenOf } from './fill.ts'
import { type FloodedName, openFlooded } from './flooded-stores.ts'
import { traffic } from './traffic.ts'

/** What such a process is to do; as JSON, its only argument. */
export interface FloodPart {
  readonly store: FloodedName
  readonly address: string
  /** Milliseconds. */
  readonly time: number
  /** Whether new sessions come here. */
  readonly floods: boolean
  /** New sessions a second at most. */
  readonly rate?: number
  /** Whether the sessions of visitors are found here, and times measured. */
  readonly serves: boolean
}

/** Times of finds in ms, and the longest block of the event loop, without the flood and during it. */
export interface Served {
  readonly p50: readonly [number, number]
  readonly p99: readonly [number, number]
  readonly longestBlock: readonly [number, number]
  /** How long the cleanup has blocked it, where it does. */
  readonly steps?: Steps
}

/** What the process says: how many sessions it has taken in so far and, where asked, rows; at the end, times. */
export interface FloodReport {
  readonly inserted: number
  readonly rows?: number
  readonly served?: Served
  readonly done?: true
}

const part: FloodPart = JSON.parse(process.argv[2] ?? '')
const ctx = background()
const visitors = 2_000
const quietTime = Math.min(30 * second, part.time)
const atOnce = 32
const steps = new CleanupSteps(part.store)

await using opened = await openFlooded(part.store, part.address)
const { store } = opened
let inserted = 0
let flooding = true

const report = async (more: Partial<FloodReport> = {}) => {
  const rows = part.store === 'memory' ? { rows: (await opened.count()).all } : {}
  process.send?.({ inserted, ...rows, ...more })
}
process.on('message', () => report())

if (part.serves) {
  for (let n = 1; n <= visitors / 2; n++) {
    await store.commitCtx(
      ctx,
      tokenOf(2 * n, visitors),
      sessionBytes,
      new Date(Date.now() + 100 * hour),
    )
  }
}
const quiet = part.serves ? await serve(delay(quietTime)) : undefined
steps.clear()
await report({ rows: 0 })
const end = delay(part.time)
const flood = part.floods ? Promise.all(Array.from({ length: atOnce }, run)) : end
const busy = part.serves ? await serve(end) : await end
flooding = false
await flood
const served = quiet &&
  busy && {
    p50: [quantileOf(quiet.finds, 0.5), quantileOf(busy.finds, 0.5)] as const,
    p99: [quantileOf(quiet.finds, 0.99), quantileOf(busy.finds, 0.99)] as const,
    longestBlock: [quiet.longestBlock, busy.longestBlock] as const,
    ...(steps.result && { steps: steps.result }),
  }
await report({ ...(served && { served }), done: true })
process.disconnect()

async function serve(end: Promise<unknown>): Promise<{ finds: number[]; longestBlock: number }> {
  const resolution = 1
  const blocks = monitorEventLoopDelay({ resolution })
  blocks.enable()
  const { find } = await traffic(store, visitors, end)
  blocks.disable()
  return { finds: find, longestBlock: blocks.max / 1e6 - resolution }
}

// As many visitors at once, each of whom comes anew when the session is stored: what the store can take in.
async function run(): Promise<void> {
  const start = performance.now()
  while (flooding) {
    const due = part.rate === undefined ? 0 : start + (inserted / part.rate) * second
    if (due > performance.now()) await delay(1)
    else {
      const token = randomBytes(32).toString('base64url')
      const stored = store.commitCtx(ctx, token, sessionBytes, new Date(Date.now() + minute))
      inserted++
      if (stored) await stored
      // A synchronous store has answered; the next visitor is another turn of the event loop, except to a store in memory.
      if (part.rate === undefined || inserted % 10 === 0) await nextTurn()
    }
  }
}
