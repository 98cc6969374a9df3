import { deepStrictEqual } from 'node:assert'
import type { Codec } from '../../packages/core/src/codec/codec.ts'
import { codecs, floor } from './codecs.ts'
import { plain, rich, type Sample } from './sessions.ts'

const rounds = 15
const roundNanoseconds = 12_000_000n
const deadline = new Date('2026-12-01T10:00:00.123Z')

/** Microseconds per call in one round. */
function timed(run: () => unknown): number {
  const start = process.hrtime.bigint()
  let calls = 0
  let spent = 0n
  do {
    for (let call = 0; call < 5; call++) run()
    calls += 5
    spent = process.hrtime.bigint() - start
  } while (spent < roundNanoseconds)
  return Number(spent) / 1000 / calls
}

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${text}`)
}

/** What the codec makes of its own bytes: `yes`, or why not. */
function isKept(codec: Codec, { values }: Sample): string {
  try {
    deepStrictEqual(codec.decode(codec.encode(deadline, values)), { deadline, values })
    return 'yes'
  } catch {
    return 'no'
  }
}

interface Runner {
  readonly name: string
  readonly size: number
  readonly kept: string
  readonly encode: () => unknown
  readonly decode: () => unknown
  readonly encodes: number[]
  readonly decodes: number[]
}

function runnerOf(name: string, codec: Codec, sample: Sample): Runner {
  const data = codec.encode(deadline, sample.values)
  return {
    name,
    size: data.length,
    kept: isKept(codec, sample),
    encode: () => codec.encode(deadline, sample.values),
    decode: () => codec.decode(data),
    encodes: [],
    decodes: [],
  }
}

// Interleaved, so that what else the machine does falls on all of them; ratios are taken round by round.
function measure(title: string, sample: Sample, candidates: Readonly<Record<string, Codec>>): void {
  const runners = Object.entries(candidates).map(([name, codec]) => runnerOf(name, codec, sample))
  for (let round = -1; round < rounds; round++) {
    progress(`${title}, ${sample.name}: round ${round + 1} of ${rounds}`)
    for (const { encode, decode, encodes, decodes } of runners) {
      const times = [timed(encode), timed(decode)] as const
      if (round < 0) continue
      encodes.push(times[0])
      decodes.push(times[1])
    }
  }
  progress('')
  report(`${title}, ${sample.name}`, runners)
}

function report(title: string, runners: readonly Runner[]): void {
  const [first] = runners
  if (!first) return
  const ratio = (times: readonly number[], base: readonly number[]): string =>
    median(times.map((time, round) => time / (base[round] ?? Number.NaN))).toFixed(2)
  console.log(`\n${title}; ratios to ${first.name}`)
  console.table(
    Object.fromEntries(
      runners.map(({ name, size, kept, encodes, decodes }) => [
        name,
        {
          bytes: size,
          'encode µs': Number(median(encodes).toFixed(1)),
          'encode ×': ratio(encodes, first.encodes),
          'decode µs': Number(median(decodes).toFixed(1)),
          'decode ×': ratio(decodes, first.decodes),
          'comes back': kept,
        },
      ]),
    ),
  )
}

for (const sample of plain) measure('plain', sample, { 'JSON alone': floor, ...codecs })
for (const sample of rich) measure('rich', sample, codecs)
