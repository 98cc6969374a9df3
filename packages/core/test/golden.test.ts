import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { ofThisPart, runs, seedOf } from '../../../test/part.ts'
import { departures } from './golden-model/dialect.ts'
import { randomTranscripts } from './golden-model/random-transcripts.ts'
import { asScsAnswers } from './golden-model/scs-answers.ts'
import { stories } from './golden-replay/derived-steps.ts'
import { derivedTranscripts } from './golden-replay/derived-transcripts.ts'
import { invalidOptions, refusedSettings } from './golden-replay/refused-settings.ts'
import { type Replayed, replay } from './golden-replay/replay.ts'
import { type Out, readTranscripts, type Transcript } from './golden-replay/transcript.ts'
import type { Pace } from './golden-server/recorded-store.ts'
import { type Config, startGoldenServer } from './golden-server.ts'

// Another folder of transcripts can be played: those of it, and no other.
const given = fileURLToPath(new URL('golden', import.meta.url))
const folder = process.env.SCS_GOLDEN_DIR || given
const transcripts = readTranscripts(folder)
const program = fileURLToPath(new URL('golden-server.ts', import.meta.url))

// Departures that none of the given transcripts has to do with.
const inDerivedOnly: readonly string[] = [
  'times are milliseconds in UTC',
  'types need no registration',
  'a token outside its grammar is not looked up',
  'cookies are read by the cookie package',
  'several cookies of one name are tried one after another',
  'two managers with one cookie name are an error',
  'a session past its deadline is not found',
  'the token in iterate is hashed once',
  'iterate skips what it cannot decode',
  "the manager's own keys cannot be put",
  'a session that is only read is not failed by its commit',
  'a session of more than maxSize is refused',
  'a failed commit has one clean answer',
  'what the handler lets caches share becomes private',
]

const randomRuns = runs('SCS_GOLDEN_RUNS', 100, 1000)

const tally = new Map<string, number>()
const derivedTally = new Map<string, number>()
let fields = 0
let done = 0

beforeAll(() => {
  // The managers log the errors that the transcripts ask for.
  vi.spyOn(console, 'error').mockImplementation(() => {})
})

afterAll(() => {
  vi.restoreAllMocks()
})

const everyFifth = <T>(all: readonly T[]): readonly T[] => all.filter((_, index) => index % 5 === 0)

// A replay that has fallen behind the recording has measured the machine, and is played again.
async function played(transcript: Transcript, pace: Pace = 'now'): Promise<Replayed> {
  for (let left = 5; ; left--) {
    const server = await startGoldenServer(transcript.config, {}, pace)
    const replayed = await replay(transcript, server.url).finally(() => server.close())
    if (replayed.differences.length === 0 || replayed.lag < 0.25 || left === 0) return replayed
  }
}

describe.concurrent('answers as SCS does', () => {
  test.for(transcripts)('$name', async (transcript, { expect }) => {
    const refused = invalidOptions(transcript.config)
    if (refused.length > 0) {
      const start = startGoldenServer(transcript.config)
      await expect(start).rejects.toThrow(TypeError)
      await expect(start).rejects.toThrow(new RegExp(refused.join('|')))
      count([refusedSettings])
    } else {
      const replayed = await played(transcript)
      expect(replayed.differences).toEqual([])
      // What the model of SCS does not say as SCS did is compared as it was recorded.
      if (folder === given) expect(replayed.misread).toEqual([])
      else for (const line of replayed.misread) console.info(`golden: ${transcript.name}: ${line}`)
      fields += replayed.fields
      count(replayed.departures)
    }
    done++
  })
})

// Most stores answer later: the response is held meanwhile, and nothing else may be different.
describe.concurrent('answers so with stores that answer later', () => {
  const valid = transcripts.filter(({ config }) => invalidOptions(config).length === 0)

  test.for(ofThisPart(valid, everyFifth(valid)))('$name', async (transcript, { expect }) => {
    expect((await played(transcript, 'later')).differences).toEqual([])
  })
})

describe.concurrent('departs from SCS where no recorded transcript does', () => {
  test.for(derivedTranscripts)('$name', async (transcript, { expect }) => {
    const replayed = await played(transcript)
    expect([replayed.differences, replayed.misread]).toEqual([[], []])
    count(replayed.departures, derivedTally)
  })

  describe.each(['now', 'later'] as const)('with a store that answers %s', (pace) => {
    const ofThisPace = pace === 'now' ? stories : ofThisPart(stories, everyFifth(stories))
    test.for(ofThisPace)('$name', async ({ name, steps, config }, { expect }) => {
      const replayed = await played(asScsAnswers(name, steps, config), pace)
      expect([replayed.differences, replayed.misread]).toEqual([[], []])
      count(replayed.departures, derivedTally)
    })
  })
})

describe('answers as SCS does, but for the departures', () => {
  test.each(['now', 'later'] as const)(
    'in any transcript, with a store that answers %s',
    async (pace) => {
      const sample = fc.sample(randomTranscripts, {
        seed: seedOf('SCS_GOLDEN_SEED'),
        numRuns: randomRuns,
      })
      for (const transcript of sample) {
        const replayed = await played(transcript, pace)
        // The transcript is needed to play it again.
        expect(replayed.differences, JSON.stringify(transcript)).toEqual([])
      }
    },
    300_000,
  )
})

describe('all transcripts together', () => {
  test('every departure applies to some of them', ({ skip }) => {
    skip(done < transcripts.length, 'only some of the transcripts were played')
    console.info(`golden: ${done} transcripts played, ${fields} fields compared`)
    const names = [...Object.values(departures).map(({ name }) => name), refusedSettings]
    for (const name of names) console.info(`golden: ${tally.get(name) ?? 0} × ${name}`)
    expect(fields).toBeGreaterThan(0)
    // Another folder may hold anything.
    if (folder !== given) return
    expect(names.filter((name) => !tally.has(name))).toEqual(inDerivedOnly)
    expect(inDerivedOnly.filter((name) => !derivedTally.has(name))).toEqual([])
  })
})

test('every departure has its row in docs/from-scs.md', () => {
  const page = new URL('../../../docs/from-scs.md', import.meta.url)
  const rows = readFileSync(page, 'utf8').split('\n')
  const missing = Object.values(departures).filter(
    ({ row }) => !rows.some((line) => line.startsWith(`| ${row}`)),
  )
  expect(missing).toEqual([])
})

describe.concurrent('as a process of its own', () => {
  const some = transcripts
    .filter(({ config }) => invalidOptions(config).length === 0)
    .filter((_, index) => index % 15 === 0)

  test.for(some)('$name', async (transcript, { expect }) => {
    const { child, url } = await started(transcript.config)
    const replayed = await replay(transcript, url).finally(() => child.kill('SIGTERM'))
    expect(replayed.differences).toEqual([])
    const [code, signal] = await ended(child)
    expect({ code, signal }).toEqual({ code: 0, signal: null })
  })

  test('a setting that is refused ends it, and names the option', async ({ expect }) => {
    const config = { managers: [{}, { cookie: { sameSite: 'none' } }] }
    const child = run(config)
    let told = ''
    child.stderr?.on('data', (chunk) => {
      told += chunk
    })
    const [code] = await ended(child)
    expect(code).toBe(1)
    expect(told).toMatch(/^golden-server: managers\[1\]: cookie\.secure /)
  })
})

describe('the comparison', () => {
  const at = (name: string) => {
    const transcript = readTranscripts(given).find((each) => each.name === name)
    if (transcript === undefined) throw new Error(`there is no transcript ${name}`)
    return transcript
  }

  test.for<[string, string, number, (out: Out) => void]>([
    ['a status', 'basic-put-get', 0, (out) => Object.assign(out, { status: 201 })],
    ['a Set-Cookie line too many', 'basic-put-get', 1, (out) => out.setCookie?.push('x=1')],
    ['a Set-Cookie line too few', 'basic-put-get', 0, (out) => out.setCookie?.pop()],
    [
      'an attribute of a cookie',
      'basic-put-get',
      0,
      (out) => edit(out, (json) => json.replace('; HttpOnly', '')),
    ],
    [
      'a Max-Age of one second more',
      'basic-put-get',
      0,
      (out) => edit(out, (json) => json.replace('Max-Age=86400', 'Max-Age=86401')),
    ],
    [
      'an expiry that no commit had',
      'basic-put-get',
      0,
      (out) => edit(out, (json) => json.replace('<ceil now+86400s>', '<ceil now+86402s>')),
    ],
    ['a Vary line', 'basic-put-get', 0, (out) => out.vary?.push('Cookie')],
    ['a Cache-Control line', 'basic-put-get', 0, (out) => out.cacheControl?.pop()],
    ['a header', 'status-redirect', 0, (out) => edit(out, (json) => json.replace('/next', '/'))],
    ['a body', 'basic-readonly', 0, (out) => Object.assign(out, { body: 'hell' })],
    ['the jar', 'basic-put-get', 0, (out) => Object.assign(out.jar ?? {}, { x: '1' })],
    ['whether the handler ran', 'error-find-custom', 1, (out) => Object.assign(out, { ran: true })],
    [
      'another token',
      'basic-put-get',
      2,
      (out) => edit(out, (json) => json.replaceAll('<T1>', '<T2>')),
    ],
    [
      'a value of a result',
      'basic-put-get',
      1,
      (out) => edit(out, (json) => json.replace('"v":"bar"', '"v":"baz"')),
    ],
    [
      'an error of a store',
      'error-find-custom',
      1,
      (out) => edit(out, (json) => json.replaceAll('db down', 'db away')),
    ],
    ['a call too many', 'basic-put-get', 1, (out) => out.calls?.pop()],
    ['the order of calls', 'basic-put-get', 2, (out) => out.calls?.reverse()],
    [
      'a value of a commit',
      'basic-put-get',
      0,
      (out) => edit(out, (json) => json.replace(/("values".*)"bar"/, '$1"baz"')),
    ],
    [
      'a deadline',
      'basic-put-get',
      0,
      (out) =>
        edit(out, (json) => json.replace('"deadline":"<now+86400s>"', '"deadline":"<now+9s>"')),
    ],
    ['a row of a dump', 'basic-put-get', 4, (out) => out.rows?.pop()],
    ['a cut connection', 'basic-readonly', 0, (out) => Object.assign(out, { error: 'cut' })],
  ])('notices %s', async ([, name, index, change]) => {
    const transcript = structuredClone(at(name)) as Transcript
    const out = transcript.steps[index]?.out
    const before = JSON.stringify(out)
    if (out !== undefined) change(out)
    expect(JSON.stringify(out), 'the transcript was not changed').not.toBe(before)
    expect((await played(transcript)).differences).not.toEqual([])
  })
})

function edit(out: Out, change: (json: string) => string): void {
  Object.assign(out, JSON.parse(change(JSON.stringify(out, sortedKeys))))
}

// As in the files, so that a pattern finds what stands after what.
function sortedKeys(_: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
}

function count(names: readonly string[], into = tally): void {
  for (const name of names) into.set(name, (into.get(name) ?? 0) + 1)
}

function run(config: Config): ChildProcess {
  return spawn(process.execPath, ['--no-warnings', program], {
    env: { ...process.env, REF_ADDR: '127.0.0.1:0', REF_CONFIG: JSON.stringify(config) },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

async function started(config: Config): Promise<{ child: ChildProcess; url: string }> {
  const child = run(config)
  child.stderr?.resume()
  let said = ''
  for await (const chunk of child.stdout ?? []) {
    said += chunk
    const url = /listening on (\S+)\n/.exec(said)?.[1]
    if (url !== undefined) return { child, url }
  }
  throw new Error(`the server ended without listening: ${said}`)
}

async function ended(child: ChildProcess): Promise<readonly unknown[]> {
  return child.exitCode === null && child.signalCode === null
    ? once(child, 'exit')
    : [child.exitCode, child.signalCode]
}
