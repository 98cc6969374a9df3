// A process that does nothing beside a flood: what blocks it is the machine. For measure-flood.ts.
import { closeSync, fsyncSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { quantileOf } from '../support/statistics.ts'

/** What the machine does by itself, in milliseconds. */
export interface Idle {
  /** Of an event loop that has nothing to do. */
  readonly longestBlock: number
  /** A sum that takes half a millisecond, ten times a second. */
  readonly sum: Times
  /** 4 KB, written until they are on the disk, ten times a second. */
  readonly write: Times
}

interface Times {
  readonly p50: number
  readonly p99: number
  readonly p999: number
  readonly longest: number
}

const file = join(tmpdir(), `scs-bench-idle-${process.pid}`)
const descriptor = openSync(file, 'w')
const block = Buffer.alloc(4096)
const writes: number[] = []
const sums: number[] = []
const delays = monitorEventLoopDelay({ resolution: 1 })
const timer = setInterval(() => {
  delays.disable()
  const start = performance.now()
  writeSync(descriptor, block, 0, block.length, 0)
  fsyncSync(descriptor)
  writes.push(performance.now() - start)
  sums.push(timeOfSum())
  delays.enable()
}, 100)
delays.enable()

// Its parent has ended without a word.
process.once('disconnect', () => process.exit())

process.once('message', () => {
  clearInterval(timer)
  closeSync(descriptor)
  rmSync(file)
  const idle: Idle = {
    longestBlock: delays.max / 1e6 - 1,
    sum: quantilesOf(sums),
    write: quantilesOf(writes),
  }
  process.send?.(idle)
  process.disconnect()
})

function timeOfSum(): number {
  const start = performance.now()
  let sum = 0
  for (let n = 0; n < 500_000; n++) sum += n
  return sum > 0 ? performance.now() - start : 0
}

function quantilesOf(times: readonly number[]): Times {
  const [p50 = 0, p99 = 0, p999 = 0, longest = 0] = [0.5, 0.99, 0.999, 1].map((q) =>
    quantileOf(times, q),
  )
  return { p50, p99, p999, longest }
}
