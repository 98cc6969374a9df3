import { inTurns } from '../support/in-turns.ts'
import { medianOf, ratiosOf } from '../support/statistics.ts'

/** Something that is measured, alone or against others of its group. */
export interface Subject {
  readonly name: string
  readonly run: () => unknown
}

/** A subject with what it takes. */
export interface Timed {
  readonly name: string
  /** Microseconds of this process's CPU per call: the median of the rounds. */
  readonly cpu: number
  /** The rounds' ratios to the first of the group. */
  readonly ratios: readonly number[]
  readonly rounds: readonly number[]
}

const rounds = 15
const warmUps = 3
const roundMicroseconds = 25_000

/** Measures the subjects in turns, so that what else the machine does falls on all of them. */
export async function timed(subjects: readonly Subject[]): Promise<Timed[]> {
  const found = new Map(subjects.map((subject): [Subject, number[]] => [subject, []]))
  for (let round = -warmUps; round < rounds; round++) {
    for (const [subject, costs] of inTurns([...found], round + warmUps)) {
      const cpu = await cpuOf(subject.run)
      if (round >= 0) costs.push(cpu)
    }
  }
  const [first = []] = found.values()
  return [...found].map(([{ name }, costs]) => ({
    name,
    cpu: medianOf(costs),
    ratios: ratiosOf(costs, first),
    rounds: costs,
  }))
}

// CPU, as a database's own time, and other programs', are not of the matter.
async function cpuOf(run: () => unknown): Promise<number> {
  const begun = process.cpuUsage()
  let calls = 0
  let spent = 0
  do {
    for (let call = 0; call < 50; call++) {
      const result = run()
      if (result instanceof Promise) await result
    }
    calls += 50
    const { user, system } = process.cpuUsage(begun)
    spent = user + system
  } while (spent < roundMicroseconds)
  return spent / calls
}
