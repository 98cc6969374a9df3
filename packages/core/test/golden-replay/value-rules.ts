// Rules of departures.ts about the kinds of values.

import { type Typed, timeText, toTyped } from '../golden-server/typed-values.ts'
import { commitOf, leaveOpen } from './rule-tools.ts'
import { foundSession, managerOf, type RequestScene, rowKey, valuesAfter } from './scene.ts'
import type { Out } from './transcript.ts'

/** Applies `change` to each typed value of results, calls and rows; a getter names its own type. */
export function mapTyped(out: Out, change: (typed: Typed) => Typed): boolean {
  let changed = false
  const map = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(map)
    if (typeof value !== 'object' || value === null) return value
    if ('t' in value && typeof value.t === 'string') {
      const mapped = change(value as Typed)
      changed ||= mapped !== value
      return mapped.t.startsWith('map[string]interface') || mapped.t === '[]interface {}'
        ? { ...mapped, v: map(mapped.v) }
        : mapped
    }
    const entries = Object.entries(value).map(([name, item]): [string, unknown] => [
      name,
      isGetter(value) && name === 'r' ? item : map(item),
    ])
    return Object.fromEntries(entries)
  }
  for (const response of [out, ...(out.parallel ?? [])]) {
    for (const name of ['results', 'calls', 'rows'] as const) {
      if (response[name] !== undefined) Object.assign(response, { [name]: map(response[name]) })
    }
  }
  return changed
}

function isGetter(value: object): boolean {
  return 'op' in value && /^(?:get|pop)[A-Z]/.test(String(value.op))
}

/** An int32, a float64 without a fraction: a number, printed as an int. */
export function oneNumber(typed: Typed): Typed {
  if (typed.t === 'int32') return toTyped(Number(typed.v))
  if (typed.t === 'int') {
    const printed = toTyped(Number(typed.v))
    return printed.v === typed.v ? typed : printed
  }
  if (typed.t !== 'float64' || typed.bits === undefined) return typed
  const printed = toTyped(Buffer.from(typed.bits, 'hex').readDoubleBE())
  return printed.t === 'float64' ? typed : printed
}

/** A Date has neither a zone nor nanoseconds. */
export function utcMilliseconds(typed: Typed): Typed {
  if (typed.t !== 'time.Time' || typeof typed.v !== 'string' || typed.v.startsWith('<')) {
    return typed
  }
  const v = timeText(new Date(typed.v))
  return v === typed.v ? typed : { ...typed, v }
}

const numberKinds = new Map<string, (value: number) => boolean>([
  ['Int', Number.isSafeInteger],
  ['Int32', (value) => value === (value | 0)],
  ['Float', () => true],
])

/**
 * getInt of an int32, say: 0 in SCS, the number here. Only values that this request put, or a found row held.
 */
export function gettersOfNumbers(scene: RequestScene): boolean {
  const found = foundSession(scene)
  const row = found && scene.ours.get(rowKey(found.store, found.token))
  let changed = false
  for (const [index, operation] of scene.ops.entries()) {
    const kind = /^(?:get|pop)(Int|Int32|Float)$/.exec(operation.op)?.[1] ?? ''
    const fits = numberKinds.get(kind)
    const result = scene.results[index]
    if (fits === undefined || result === undefined) continue
    const values = valuesAfter(row?.values ?? {}, scene.ops.slice(0, index))
    const value = numberOf(values[operation.key ?? ''])
    const printed = result.r as Typed
    if (value === undefined || !fits(value) || Number(printed.v) !== 0 || value === 0) continue
    result.r = kind === 'Float' ? floatOf(value) : { t: printed.t, v: String(BigInt(value)) }
    changed = true
  }
  return changed
}

function numberOf(typed: Typed | undefined): number | undefined {
  if (typed === undefined || !['int', 'int32', 'float64'].includes(typed.t)) return undefined
  if (typed.bits !== undefined) return Buffer.from(typed.bits, 'hex').readDoubleBE()
  return Number(String(typed.v).replace('Inf', 'Infinity'))
}

function floatOf(value: number): Typed {
  const bytes = Buffer.alloc(8)
  bytes.writeDoubleBE(value)
  return { t: 'float64', v: String(value), bits: bytes.toString('hex') }
}

const registered: readonly string[] = [
  'time.Time',
  'map[string]interface {}',
  '[]interface {}',
  'map[string]string',
  '[]time.Time',
]

/**
 * Go cannot encode a type that nobody registered: a 500. What is stored here instead goes on in later steps.
 */
export function unregisteredTypes({
  config,
  ops,
  out,
  calls,
  results,
  ours,
}: RequestScene): boolean {
  const puts = ops.filter(({ op, t = '' }) => op === 'put' && registered.includes(t))
  const isGob = !managerOf(config).codec || managerOf(config).codec === 'gob'
  if (config.registerGob || !isGob || puts.length === 0 || commitOf(calls) !== undefined)
    return false
  if ((out.status ?? 0) < 500 && !results.some(({ op, err }) => op === 'commit' && err))
    return false
  leaveOpen(out)
  ours.clear()
  return true
}
