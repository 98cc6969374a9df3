import { isDeepStrictEqual } from 'node:util'
import type { Protocol } from '../support/servers.ts'
import { faultsOf } from './clean-answer.ts'
import { Contestant, failingKinds, gatedKinds, type Kind, type Outcome } from './contestants.ts'
import { foundLate } from './departures.ts'
import type { Conversation } from './program.ts'

/** All servers of one protocol. */
export class Contest {
  readonly #contestants: ReadonlyMap<Kind, Contestant>

  private constructor(contestants: ReadonlyMap<Kind, Contestant>) {
    this.#contestants = contestants
  }

  static async start(protocol: Protocol): Promise<Contest> {
    const contestants = new Map<Kind, Contestant>()
    for (const kind of ['bare', ...gatedKinds, ...failingKinds] as const) {
      contestants.set(kind, await Contestant.start(kind, protocol))
    }
    return new Contest(contestants)
  }

  /** How gated servers, all of them or one, differ from the bare one; empty when they do not. */
  async differences(
    conversation: Conversation,
    kinds: readonly Kind[] = gatedKinds,
  ): Promise<string[]> {
    const [expected, ...outcomes] = await Promise.all(
      (['bare', ...kinds] as const).map((kind) => this.#play(kind, conversation)),
    )
    if (typeof expected !== 'object') return [`bare: ${expected}`]
    return outcomes.flatMap((outcome, i) => {
      const kind = kinds[i] ?? 'bare'
      return typeof outcome === 'string'
        ? [`${kind}: ${outcome}`]
        : compare(kind, expected, outcome)
    })
  }

  /** What is wrong with the answer when the commit fails; empty when it is errorFunc's, and nothing else. */
  async faults(
    conversation: Conversation,
    kinds: readonly Kind[] = failingKinds,
  ): Promise<string[]> {
    const outcomes = await Promise.all(kinds.map((kind) => this.#play(kind, conversation)))
    return outcomes.flatMap((outcome, i) => {
      const faults = typeof outcome === 'string' ? [outcome] : faultsOf(conversation, outcome)
      return faults.map((fault) => `${kinds[i]}: ${fault}`)
    })
  }

  /** What goes wrong when the client leaves; empty when each handler comes to its end, and its session is committed. */
  async losses(conversation: Conversation): Promise<string[]> {
    const contestant = this.#contestants.get('modified, later')
    const left = await contestant?.leave(conversation).catch((error: Error) => error.message)
    if (typeof left !== 'object') return [String(left)]
    return left.commits >= left.handlers
      ? []
      : [`${left.handlers} handlers, ${left.commits} commits`]
  }

  /** Plays, and compares, in each of the ways; those of gated servers and of failing ones in turn when `one` is a number. */
  async wrongs(conversation: Conversation, one?: number): Promise<string[]> {
    const pick = (kinds: readonly Kind[]) =>
      kinds.filter((_, i) => one === undefined || one % kinds.length === i)
    const fails = one === undefined || one % 5 === 0
    const leaves = one === undefined || one % 10 === 0
    return [
      ...(await this.differences(conversation, pick(gatedKinds))),
      ...(fails ? await this.faults(conversation, pick(failingKinds)) : []),
      ...(leaves ? await this.losses(conversation) : []),
    ]
  }

  async #play(kind: Kind, conversation: Conversation): Promise<Outcome | string> {
    const played = this.#contestants.get(kind)?.play(conversation)
    return (await played?.catch((error: Error) => error.message)) ?? 'not started'
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const contestant of this.#contestants.values()) await contestant[Symbol.asyncDispose]()
  }
}

function compare(kind: Kind, expected: Outcome, actual: Outcome): string[] {
  const differences: string[] = []
  const note = (what: string, theirs: unknown, ours: unknown) => {
    if (isDeepStrictEqual(theirs, ours)) return
    differences.push(`${kind}, ${what}:\n  bare  ${show(theirs)}\n  gated ${show(ours)}`)
  }
  const isHttp1 = typeof expected.wire === 'string'
  const late = new Set(wasFoundLate(expected, actual) ? refusals(expected) : [])
  if (late.size === 0) {
    note('unheard errors', [], actual.unheard.map(String))
    note('requests', expected.observations.length, actual.observations.length)
  }
  for (const [i, theirs] of expected.observations.entries()) {
    const ours = actual.observations[i]
    if (!ours) continue
    for (const [j, line] of theirs.steps.entries()) {
      if (late.has(i) && isRefusal(line)) break
      const our = ours.steps[j] ?? ''
      if (!/: left out; /.test(our)) note(`handler ${i}, step ${j}`, line, our)
    }
    // The connection of HTTP/1 was cut there: of what comes after it nothing can be told.
    if (late.has(i) && isHttp1) break
    if (late.has(i)) continue
    const heard = theirs.abandoned ? inAnyOrder : told
    note(`handler ${i}, told`, heard(theirs.told), heard(ours.told))
    note(`handler ${i}, errors`, theirs.errors, ours.errors)
    note(`handler ${i}, abandoned`, theirs.abandoned, ours.abandoned)
  }
  // How much had left when a response was cut is a matter of timing.
  if (!expected.observations.some(({ abandoned }) => abandoned)) {
    const seen = refusals(expected).length > 0 ? linesInAnyOrder : same
    const [theirs, ours] = [expected, actual].map(({ wire }) => seen(untilCut(wire, late)))
    note('wire', theirs, ours)
  }
  return differences
}

// Callbacks of what was not sent come in no order with the others.
function told(lines: readonly string[]): string[] {
  const failed = (line: string) => /:|\(empty\)|^a later end/.test(line)
  return [...lines.filter((line) => !failed(line)), ...lines.filter(failed).sort()]
}

function wasFoundLate(expected: Outcome, actual: Outcome): boolean {
  if (actual.unheard.length === 0) return false
  const seen = JSON.stringify(expected.observations)
  return actual.unheard.every((error) => {
    const { name, code } = error as { name: string; code?: string }
    return foundLate.has(`${name} ${code}`) && seen.includes(`${name} ${code}`)
  })
}

// Which handlers have met what Node finds wrong when it writes.
function refusals({ observations }: Outcome): number[] {
  return observations.flatMap((seen, i) => (isRefusal(JSON.stringify(seen)) ? [i] : []))
}

function isRefusal(seen: string): boolean {
  return [...foundLate].some((error) => seen.includes(error))
}

// Without the answers that were cut: over HTTP/1 with all that come after one, over HTTP/2 those streams alone.
function untilCut(wire: Outcome['wire'], late: ReadonlySet<number>): Outcome['wire'] {
  if (late.size === 0) return wire
  if (typeof wire !== 'string') return wire.filter((_, i) => !late.has(i))
  const finals = wire.split(/(?=HTTP\/1\.1 \d)/).filter((part) => !/^HTTP\/1\.1 1\d\d/.test(part))
  return finals.slice(0, Math.min(...late)).join('')
}

function inAnyOrder(lines: readonly string[]): readonly string[] {
  return [...lines].sort()
}

function same(wire: Outcome['wire']): Outcome['wire'] {
  return wire
}

function linesInAnyOrder(wire: Outcome['wire']): unknown {
  if (typeof wire === 'string') return inAnyOrder(wire.split('\r\n'))
  return wire.map((stream) => ({ ...stream, heads: stream.heads.map(inAnyOrder) }))
}

function show(value: unknown): string {
  const text = typeof value === 'string' ? JSON.stringify(value) : JSON.stringify(value)
  return text.replace(/(ghijklmnop){4,}/g, '(much)')
}
