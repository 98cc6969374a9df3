// A process that does nothing beside a flood: what blocks it is the machine. For measure-flood.ts.
import { closeSync, fsyncSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { quantileOf } from '../support/statistics.ts'

/** Milliseconds. */
export interface Idle {
  /** Of an event loop that has nothing to do. */
  readonly longestBlock: number
  /** To write 4 KB and have them on the disk: 10 times a second. */
  readonly write: { readonly p50: number; readonly p99: number; readonly longest: number }
}

const file = join(tmpdir(), `scs-bench-idle-${process.pid}`)
const descriptor = openSync(file, 'w')
const block = Buffer.alloc(4096)
const writes: number[] = []
const delays = monitorEventLoopDelay({ resolution: 1 })
const timer = setInterval(() => {
  delays.disable()
  const start = performance.now()
  writeSync(descriptor, block, 0, block.length, 0)
  fsyncSync(descriptor)
  writes.push(performance.now() - start)
  delays.enable()
}, 100)
delays.enable()

// Its parent has ended without a word.
process.once('disconnect', () => process.exit())

process.once('message', () => {
  clearInterval(timer)
  closeSync(descriptor)
  rmSync(file)
  const at = (q: number) => quantileOf(writes, q)
  const idle: Idle = {
    longestBlock: delays.max / 1e6 - 1,
    write: { p50: at(0.5), p99: at(0.99), longest: at(1) },
  }
  process.send?.(idle)
  process.disconnect()
})
