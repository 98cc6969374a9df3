// What a departure leaves behind in a store shows in later steps.

import type { Typed } from '../golden-server/typed-values.ts'
import { anything } from './compare.ts'
import { leaveOpen } from './rule-tools.ts'
import {
  foundSession,
  managerOf,
  type RequestScene,
  rowKey,
  type Scene,
  singleRequest,
  valuesAfter,
} from './scene.ts'
import { persist } from './session-rules.ts'
import type { Out, ResultEntry } from './transcript.ts'

/** Rows that differ here because of an earlier step go on differing: in what is read, committed and dumped. */
export function carryOn(scene: Scene, applied: (name: string) => void): void {
  const request = singleRequest(scene)
  if (request !== undefined && request.out.error === undefined) carryIntoRequest(request, applied)
  if (scene.out.rows !== undefined) carryIntoDump(scene, applied)
}

/** Whether the rules have left open what is called and answered. */
export function isOpen(out: Out): boolean {
  return (out.calls as unknown) === anything
}

// A session that SCS found with other values than are found here: those go into what is read and committed.
function carryIntoRequest(scene: RequestScene, applied: (name: string) => void): void {
  const elsewhere = scene.calls
    .filter(({ call }) => call.startsWith('find'))
    .map(({ store, token }) => rowKey(store, token))
    .find((key) => scene.ours.has(key) !== scene.theirs.has(key))
  const cause = scene.gone.get(elsewhere ?? '') ?? scene.ours.get(elsewhere ?? '')?.cause
  if (cause !== undefined) {
    leaveOpen(scene.out)
    applied(cause)
    return
  }
  const found = foundSession(scene)
  if (found === undefined) return
  const key = rowKey(found.store, found.token)
  const row = scene.ours.get(key)
  const theirs = scene.theirs.get(key)
  if (row?.cause === undefined || theirs === undefined) return
  let changed = false
  for (const [index, { op, key: name = '' }] of scene.ops.entries()) {
    const values = valuesAfter(row.values, scene.ops.slice(0, index))
    if (scene.ops.slice(0, index).some((other) => other.op === 'destroy')) break
    const result = scene.results[index]
    changed = carryIntoResult(op, name, values, result) || changed
  }
  for (const commit of scene.calls.filter(({ call }) => call.startsWith('commit'))) {
    if (commit.token !== found.token) continue
    const missing = Object.entries(row.values).filter(
      ([name]) => !Object.hasOwn(theirs.values, name) && !Object.hasOwn(commit.values ?? {}, name),
    )
    const kept = valuesAfter(Object.fromEntries(missing), scene.ops)
    const untouched = missing.filter(([name]) => Object.hasOwn(kept, name))
    if (untouched.length === 0) continue
    commit.values = { ...commit.values, ...Object.fromEntries(untouched) }
    persist(scene, managerOf(scene.config), commit)
    changed = true
  }
  if (changed) applied(row.cause)
}

function carryIntoResult(
  op: string,
  key: string,
  values: Readonly<Record<string, Typed>>,
  result: ResultEntry | undefined,
): boolean {
  if (result === undefined) return false
  const before = JSON.stringify(result)
  if (op === 'keys') {
    result.r = Object.keys(values)
      .filter((name) => name !== '__rememberMe')
      .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  } else if (op === 'get' || op === 'pop') result.r = values[key] ?? { t: 'nil' }
  else if (op === 'exists') result.r = Object.hasOwn(values, key)
  return JSON.stringify(result) !== before
}

function carryIntoDump(
  { out, dumped, ours, theirs, gone }: Scene,
  applied: (name: string) => void,
): void {
  const rows = out.rows ?? []
  const store = dumped ?? 'S'
  for (const row of [...rows]) {
    const key = rowKey(store, row.token)
    const mine = ours.get(key)
    const cause = gone.get(key) ?? mine?.cause
    if (cause === undefined) continue
    if (mine === undefined) rows.splice(rows.indexOf(row), 1)
    else row.values = mine.values
    applied(cause)
  }
  for (const [key, { cause, values, deadline, expiry }] of ours) {
    const token = key.startsWith(`${store} `) ? key.slice(store.length + 1) : undefined
    if (cause === undefined || token === undefined || theirs.has(key)) continue
    rows.push({ token, values, deadline, expiry })
    applied(cause)
  }
}
