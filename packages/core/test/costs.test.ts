import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, it } from 'vitest'
import { type Path, paths } from './costs/paths.ts'
import type { Cost } from './costs/program.ts'

// What a request costs, counted: a count is the same on a machine that is busy. bench/ measures the time that it takes.

/** What each path may cost; lower the bytes when the code has become better. */
const allowed: Readonly<Record<Path, { storeCalls: string[]; bytes: number }>> = {
  '/no-cookie': { storeCalls: [], bytes: 4_700 },
  '/visit': { storeCalls: ['commit'], bytes: 14_500 },
  '/untouched': { storeCalls: ['find'], bytes: 6_500 },
  '/read': { storeCalls: ['find'], bytes: 6_500 },
  '/write': { storeCalls: ['find', 'replace'], bytes: 17_000 },
}

// No collection while it counts, and no optimising compiler, which leaves some objects out when it finds the time.
const flags = [
  '--expose-gc',
  ...['--min-semi-space-size=128', '--max-semi-space-size=128'],
  ...['--no-opt', '--no-maglev', '--no-sparkplug'],
]

let costs: Record<Path, Cost>
beforeAll(async () => {
  const program = fileURLToPath(new URL('costs/program.ts', import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, program])
  costs = JSON.parse(stdout)
})

describe.each(paths)('on a MemoryStore, a request for %s', (path) => {
  it('calls the store no more often than it must', () => {
    expect(costs[path].storeCalls).toEqual(allowed[path].storeCalls)
  })

  it('makes no promise', () => {
    expect(costs[path].promises).toBe(0)
  })

  it('takes no more memory than before', () => {
    expect(costs[path].bytes).toBeLessThan(allowed[path].bytes)
    // Nor would a count that has come to nothing say anything.
    expect(costs[path].bytes).toBeGreaterThan(100)
  })
})
