import { describe, expect, it, onTestFinished } from 'vitest'
import { createDatabase, isAvailable } from './databases.ts'
import { postgresJs } from './drivers.ts'
import { runProcess } from './processes/run.ts'

interface Outcome {
  readonly cuts: number
  readonly answered: number
  readonly failed: number
  readonly unhandled: readonly string[]
  readonly last: string
}

describe.skipIf(!isAvailable(postgresJs))('postgres.js', () => {
  it('200 cuts of its connections under load: no rejection is unhandled, and it works afterwards', {
    timeout: 120_000,
  }, async () => {
    const database = await createDatabase(postgresJs)
    onTestFinished(database.drop)
    const outcome = await runProcess<Outcome>('../faults/cut-under-load.ts', [
      postgresJs.name,
      database.address,
    ])
    expect(outcome).toMatchObject({ cuts: 200, unhandled: [], last: 'data' })
    expect(outcome.answered).toBeGreaterThan(0)
    expect(outcome.failed).toBeGreaterThan(0)
  })
})
