import { JsonCodec } from '../../src/index.ts'

/** What a session holds. */
export interface State {
  readonly deadline: number
  readonly values: ReadonlyMap<string, unknown>
}

/** One change as the model understands it; every `put` and every `update` has a tag of its own. */
export type Change =
  | { readonly kind: 'put'; readonly key: string; readonly value: unknown }
  | { readonly kind: 'update'; readonly key: string; readonly tag: string }
  | { readonly kind: 'count'; readonly key: string }
  | { readonly kind: 'delete'; readonly key: string }
  | { readonly kind: 'clear' }
  | { readonly kind: 'deadline'; readonly at: number }
  | { readonly kind: 'merge'; readonly from: string }

const codec = new JsonCodec()
// What the implementation keeps among the values for itself.
const writeMark = '__write'
const rememberMe = '__rememberMe'

/** What the bytes of a row hold. */
export function stateOf(data: Uint8Array): State {
  const { deadline, values } = codec.decode(data)
  values.delete(writeMark)
  return { deadline: deadline.getTime(), values }
}

/** Whether a session with these bytes can be found. */
export function isLive(data: Uint8Array): boolean {
  return stateOf(data).deadline > Date.now()
}

/** The bytes of a row. */
export function bytesOf({ deadline, values }: State): Uint8Array {
  return codec.encode(new Date(deadline), values)
}

/** What an update makes of a value: a list with `tag` at its end, so that each is counted. */
export function tagged(current: unknown, tag: string): unknown[] {
  if (current === undefined) return [tag]
  return [...(Array.isArray(current) ? current : [current]), tag]
}

/** What an increment makes of a value. */
export function incremented(current: unknown): number {
  return typeof current === 'number' ? current + 1 : 1
}

/** Whether the change must not be made twice. */
export function counts({ kind }: Change): boolean {
  return kind === 'update' || kind === 'count'
}

/** The state after the changes. `absorbed`: what the other sessions held that were merged. */
export function applied(
  before: State,
  changes: readonly Change[],
  absorbed: ReadonlyMap<string, State>,
): State {
  const values = new Map(before.values)
  let { deadline } = before
  for (const change of changes) {
    if (change.kind === 'put') values.set(change.key, change.value)
    if (change.kind === 'update') values.set(change.key, tagged(values.get(change.key), change.tag))
    if (change.kind === 'count') values.set(change.key, incremented(values.get(change.key)))
    if (change.kind === 'delete') values.delete(change.key)
    if (change.kind === 'deadline') deadline = change.at
    if (change.kind === 'clear') {
      for (const key of values.keys()) if (key !== rememberMe) values.delete(key)
    }
    if (change.kind === 'merge') {
      const other = absorbed.get(change.from)
      deadline = Math.max(deadline, other?.deadline ?? 0)
      for (const [key, value] of other?.values ?? []) values.set(key, value)
    }
  }
  return { deadline, values }
}

/** The same text for the same state. */
export function textOf({ deadline, values }: State): string {
  return JSON.stringify([deadline, [...values].toSorted(([a], [b]) => (a < b ? -1 : 1))])
}

/** The tags of a state, one for each time that they are in it. */
export function tagsOf({ values }: State): string[] {
  return [...values.values()].flat().filter((value) => typeof value === 'string')
}
