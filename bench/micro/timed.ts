import { medianOf, medianOfPairs } from '../support/statistics.ts'

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
  /** The median of the rounds' ratios to the first of the group. */
  readonly ratio: number
  readonly rounds: readonly number[]
}

const rounds = 15
const warmUps = 3
const roundMicroseconds = 25_000

/** Measures the subjects in turns, so that what else the machine does falls on all of them. */
export async function timed(subjects: readonly Subject[]): Promise<Timed[]> {
  const found = subjects.map((): number[] => [])
  for (let round = -warmUps; round < rounds; round++) {
    for (let i = 0; i < subjects.length; i++) {
      const turn = (i + round + warmUps) % subjects.length
      const cpu = await cpuOf(subjects[turn]?.run ?? (() => {}))
      if (round >= 0) found[turn]?.push(cpu)
    }
  }
  const [first = []] = found
  return subjects.map(({ name }, i) => ({
    name,
    cpu: medianOf(found[i] ?? []),
    ratio: medianOfPairs(found[i] ?? [], first),
    rounds: found[i] ?? [],
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
