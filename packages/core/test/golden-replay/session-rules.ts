// Rules of departures.ts about what a session holds.

import type { ManagerConfig } from '../golden-server/config.ts'
import { anything } from './compare.ts'
import { addCookie, commitOf, expiryOf, leaveOpen, removeCookie } from './rule-tools.ts'
import {
  changesValues,
  cookieLine,
  cookieName,
  foundSession,
  managerOf,
  type RequestScene,
  rowKey,
  valuesAfter,
} from './scene.ts'
import type { CallEntry } from './transcript.ts'

/**
 * What the handler then finds is a new session: of its answer only what does not depend on that is told.
 */
export function pastDeadline(scene: RequestScene): boolean {
  const found = foundSession(scene)
  const row = found && scene.theirs.get(rowKey(found.store, found.token))
  const ahead = /^<now([+-][\d.]+)s>$/.exec(row?.deadline ?? '')?.[1]
  const past =
    ahead === undefined ? Date.parse(row?.deadline ?? '') < Date.now() : Number(ahead) <= 0
  if (row === undefined || !past) return false
  leaveOpen(scene.out)
  return true
}

/** The put that panics in Go is one like any other. */
export function nilMap(scene: RequestScene): boolean {
  const { config, ops, results, calls, out } = scene
  const last = results.at(-1)
  const found = foundSession(scene)
  if (last?.op !== 'put' || !/nil map/.test(last.panic ?? '') || found?.token === undefined) {
    return false
  }
  const row = scene.ours.get(rowKey(found.store, found.token))
  const manager = managerOf(config, ops[results.length - 1])
  const deadline = row?.deadline ?? anything
  const commit = {
    call: found.call.replace('find', 'commit'),
    store: found.store,
    token: found.token,
    deadline,
    expiry: expiryOf(manager, deadline),
    values: valuesAfter({}, ops),
  }
  delete last.panic
  delete out.error
  calls.push(commit)
  Object.assign(out, { status: 200, body: '', vary: ['Cookie'] })
  addCookie(scene, manager, found.token, commit)
  return true
}

/** The key __rememberMe, in keys and after clear. */
export function rememberMe(scene: RequestScene): boolean {
  const { config, ops, results, calls } = scene
  let changed = false
  for (const result of results) {
    const keys = result.op === 'keys' && Array.isArray(result.r) ? result.r : []
    if (!keys.includes('__rememberMe')) continue
    result.r = keys.filter((key) => key !== '__rememberMe')
    changed = true
  }
  const at = ops.findIndex(({ op }) => op === 'clear')
  const found = foundSession(scene)
  const row = found && scene.ours.get(rowKey(found.store, found.token))
  const before = valuesAfter(row?.values ?? {}, ops.slice(0, at))
  if (at === -1 || !Object.hasOwn(before, '__rememberMe')) return changed
  const manager = managerOf(config, ops[at])
  const commit = commitOf(calls)
  if (commit === undefined) return changed
  if (!changesValues(row?.values ?? {}, ops) && !(manager.idleTimeoutMs ?? 0)) {
    calls.splice(calls.indexOf(commit), 1)
    removeCookie(scene, manager)
    for (const result of results.slice(at)) {
      if (result.op === 'status' && result.r === 'Modified') result.r = 'Unmodified'
    }
    return true
  }
  commit.values = valuesAfter(row?.values ?? {}, ops)
  persist(scene, manager, commit)
  return true
}

/** The cookie outlives the browser when rememberMe says so. */
export function persist(scene: RequestScene, manager: ManagerConfig, commit: CallEntry): void {
  if (manager.cookie?.persist !== false || commit.values?.__rememberMe?.v !== true) return
  const { out } = scene
  const line = out.setCookie?.findIndex((text) => text.startsWith(`${cookieName(manager)}=`)) ?? -1
  if (line === -1 || out.setCookie === undefined || !commit.token) return
  out.setCookie[line] = cookieLine(manager, commit.token, commit.expiry, true)
}
