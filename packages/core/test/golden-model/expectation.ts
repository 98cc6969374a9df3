// What is expected of this package where SCS's answer is recorded: that answer, with the difference that the departures
// make between the two answers of the model.

import type { CallEntry, Out, Step, Transcript } from '../golden-replay/transcript.ts'
import { mapTexts, World } from './conversation.ts'
import { type DepartureKey, type Dialect, departures, ours, scs, without } from './dialect.ts'
import { foreign } from './store.ts'
import { TokenNames } from './tokens.ts'

/** Stands in an expectation for a text of which only the presence is known. */
export { foreign } from './store.ts'

/** What is expected of one step. */
export interface Expected {
  readonly out: Out
  /** The departures without which something else would be expected. */
  readonly departures: readonly string[]
  /** Where the model does not say what SCS said; a departure can then be told only in part. */
  readonly misread: readonly string[]
}

/** The expectations of a transcript, step by step. */
export class Expectation {
  readonly #names = new TokenNames()
  readonly #theirs: World
  readonly #ours: World

  constructor({ config }: Transcript) {
    this.#theirs = new World(config, this.#names)
    this.#ours = new World(config, this.#names)
  }

  /** What is expected of the next step. */
  next(step: Step): Expected {
    const before = this.#ours.copy()
    const theirs = this.#theirs.play(step, scs)
    const mine = this.#ours.play(step, ours)
    const recorded = step.out
    if (recorded === undefined || theirs === undefined || mine === undefined) {
      return { out: recorded ?? {}, departures: [], misread: [] }
    }
    this.#learn(recorded, theirs)
    const inTheirs = (out: Out) => mapTexts(out, (text) => this.#names.toTranscript(text)) as Out
    const merged = merge(inTheirs(theirs), recorded, inTheirs(mine))
    const different = (key: DepartureKey) =>
      JSON.stringify(playAgain(before, step, without(key))) !== JSON.stringify(mine)
    const keys = same(theirs, mine) ? [] : (Object.keys(departures) as DepartureKey[])
    return {
      out: merged as Out,
      departures: keys.filter(different).map((key) => departures[key].name),
      misread: differences(inTheirs(theirs), recorded),
    }
  }

  // In the order in which the recording numbered them.
  #learn(recorded: Out, theirs: Out): void {
    for (const [index, out] of (recorded.parallel ?? []).entries()) {
      this.#learnFields(out, theirs.parallel?.[index] ?? {})
    }
    this.#learnFields(recorded, theirs)
  }

  #learnFields(recorded: Out, theirs: Out): void {
    for (const name of fields) this.#learnFrom(recorded[name], theirs[name])
  }

  #learnFrom(recorded: unknown, theirs: unknown): void {
    if (typeof recorded === 'string' && typeof theirs === 'string') {
      this.#names.learn(recorded, theirs)
    } else if (isRecord(recorded) && isRecord(theirs)) {
      for (const [key, value] of Object.entries(recorded)) this.#learnFrom(value, theirs[key])
    }
  }
}

const fields = ['setCookie', 'headers', 'body', 'jar', 'results', 'calls', 'rows'] as const

function playAgain(before: World, step: Step, dialect: Dialect): Out | undefined {
  return before.copy().play(step, dialect)
}

// Three ways: what departs from SCS in the model departs from the recording.
function merge(theirs: unknown, recorded: unknown, mine: unknown, field = ''): unknown {
  if (same(theirs, mine)) return recorded
  if (Array.isArray(mine)) {
    const from = Array.isArray(theirs) ? theirs : []
    const written = Array.isArray(recorded) ? recorded : []
    if (field === 'results' || field === 'parallel') {
      return mine.map((item, index) => merge(from[index], written[index], item))
    }
    return mine.map(counterparts(from, written))
  }
  if (isRecord(theirs) && isRecord(recorded) && isRecord(mine)) {
    const names = new Set([...Object.keys(recorded), ...Object.keys(mine)])
    const entries = [...names].map((name): [string, unknown] => [
      name,
      merge(theirs[name], recorded[name], mine[name], name),
    ])
    return Object.fromEntries(entries.filter(([, value]) => value !== undefined))
  }
  return mine
}

// Of a list without indexes: an element that is in the model's answer for SCS too is as it was recorded.
function counterparts(
  theirs: readonly unknown[],
  recorded: readonly unknown[],
): (item: unknown) => unknown {
  const left = new Set(theirs.keys())
  const isInStep = theirs.length === recorded.length
  return (item) => {
    const at = [...left].find((index) => same(theirs[index], item))
    if (at === undefined) return item
    left.delete(at)
    return isInStep && differences(theirs[at], recorded[at]).length === 0 ? recorded[at] : item
  }
}

/** Where the model's answer is not the recorded one, beyond what a recording rounds and numbers. */
export function differences(model: unknown, recorded: unknown, path = ''): string[] {
  if (isEmpty(model) && isEmpty(recorded)) return []
  if (typeof model === 'string' && typeof recorded === 'string') {
    return agrees(model, recorded) ? [] : [told(path, model, recorded)]
  }
  if (!isRecord(model) || !isRecord(recorded)) {
    return model === recorded ? [] : [told(path, model, recorded)]
  }
  if (
    Array.isArray(model) &&
    Array.isArray(recorded) &&
    /(?:rows|tokens|sessions|calls)$/.test(path)
  ) {
    if (isSame(sorted(model), sorted(recorded))) return []
  }
  const names = new Set([...Object.keys(model), ...Object.keys(recorded)])
  for (const name of ignored(path, recorded)) names.delete(name)
  return [...names].flatMap((name) =>
    differences(model[name], recorded[name], path === '' ? name : `${path}.${name}`),
  )
}

function ignored(path: string, recorded: Readonly<Record<string, unknown>>): string[] {
  if (/(?:^|\.)informational\.\d+$/.test(path)) {
    return ['setCookie', 'vary', 'cacheControl', 'headers']
  }
  if (/(?:^|\.)rows\.\d+$/.test(path) && recorded.expiry === undefined) return ['expiry']
  // Responses of several requests at once are recorded without the jar.
  if (/(?:^|\.)parallel\.\d+$/.test(path) && recorded.jar === undefined) {
    return ['platformHeaders', 'jar']
  }
  const beside = recorded.err === undefined ? undefined : besideError[String(recorded.op)]
  return beside ?? ['platformHeaders', 'isNil']
}

// What an operation gives beside an error: nothing that counts, or what came before it in no particular order.
const besideError: Readonly<Record<string, string[]>> = {
  commit: ['token', 'expiry'],
  iterate: ['sessions'],
}

function isSame(model: unknown[], recorded: unknown[]): boolean {
  return (
    model.length === recorded.length &&
    model.every((item, index) => differences(item, recorded[index], 'calls.0').length === 0)
  )
}

function sorted(list: readonly unknown[]): unknown[] {
  const key = (item: unknown) => {
    const { call = '', token = '', ...rest } = isRecord(item) ? (item as Partial<CallEntry>) : {}
    return isRecord(item) && !Array.isArray(item) && (token || call)
      ? `${call} ${token}`
      : JSON.stringify(rest ?? item)
  }
  return [...list].sort((a, b) => (key(a) < key(b) ? -1 : 1))
}

function agrees(model: string, recorded: string): boolean {
  if (model === recorded) return true
  if (model.includes(foreign)) {
    const [before = '', after = ''] = model.split(foreign)
    return (
      recorded.startsWith(before) && recorded.endsWith(after) && recorded.length > before.length
    )
  }
  if (/connection closed|does not support iteration/.test(model)) {
    return recorded.includes(/connection closed|does not support iteration/.exec(model)?.[0] ?? '')
  }
  const split = (text: string) => text.split(/(now[+-][\d.]+(?=s)|Max-Age=\d+)/)
  const [ours, theirs] = [split(model), split(recorded)]
  if (ours.length !== theirs.length) return false
  return ours.every((part, index) => {
    const other = theirs[index] ?? ''
    if (index % 2 === 0) return part === other
    const number = (text: string) => Number(text.replace(/^\D*?([+-]?[\d.]+)$/, '$1'))
    return Math.abs(number(part) - number(other)) <= 1
  })
}

function told(path: string, model: unknown, recorded: unknown): string {
  return `${path}: the model says ${JSON.stringify(model)}, SCS ${JSON.stringify(recorded)}`
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === '') return true
  return typeof value === 'object' && Object.keys(value).length === 0
}
