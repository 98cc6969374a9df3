import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, it } from 'vitest'
import { type CaseName, cases } from './costs/cases.ts'
import type { Cost } from './costs/program.ts'

// What a request costs, counted: a count is the same on a machine that is busy. bench/ measures the time that it takes.

/** What each may cost; lower the figures when the code has become better. */
const allowed: Readonly<Record<CaseName, Omit<Cost, 'promises'> & { promises?: number }>> = {
  'no cookie': { storeCalls: [], bytes: 2_500 },
  'a first visit': { storeCalls: ['swap'], bytes: 8_600 },
  'a session that is left alone': { storeCalls: ['find'], bytes: 4_300 },
  'a read': { storeCalls: ['find'], bytes: 4_300 },
  'a write': { storeCalls: ['find', 'swap'], bytes: 10_850 },
  'a login': { storeCalls: ['find', 'swap'], bytes: 13_500, promises: 4 },
  'a read when a touch is due': { storeCalls: ['findWithExpiry', 'touch'], bytes: 8_700 },
  'a read with hashed tokens': { storeCalls: ['find'], bytes: 4_500 },
  'a write with hashed tokens': { storeCalls: ['find', 'swap'], bytes: 11_050 },
  // One promise of each call of the store is the store's own, and one is what the listener returns.
  'a read, asynchronously': { storeCalls: ['find'], bytes: 8_600, promises: 8 },
  'a write, asynchronously': { storeCalls: ['find', 'swap'], bytes: 21_700, promises: 19 },
  'a login, asynchronously': { storeCalls: ['find', 'swap'], bytes: 23_400, promises: 22 },
}

// No collection while it counts, and no optimising compiler, which leaves some objects out when it finds the time.
const flags = [
  '--expose-gc',
  ...['--min-semi-space-size=128', '--max-semi-space-size=128'],
  ...['--no-opt', '--no-maglev', '--no-sparkplug'],
]

let costs: Record<CaseName, Cost>
beforeAll(async () => {
  const program = fileURLToPath(new URL('costs/program.ts', import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, program])
  costs = JSON.parse(stdout)
  // Without a compiler it takes seconds of CPU, which a busy machine may not have at once.
}, 120_000)

describe.each(Object.keys(cases) as CaseName[])('on a MemoryStore, %s', (name) => {
  it('calls the store no more often than it must', () => {
    expect(costs[name].storeCalls).toEqual(allowed[name].storeCalls)
  })

  it(`makes ${allowed[name].promises ?? 'no'} promises at most`, () => {
    expect(costs[name].promises).toBeLessThanOrEqual(allowed[name].promises ?? 0)
  })

  it('takes no more memory than before', () => {
    expect(costs[name].bytes).toBeLessThan(allowed[name].bytes)
    // Nor would a count that has come to nothing say anything.
    expect(costs[name].bytes).toBeGreaterThan(100)
  })
})
