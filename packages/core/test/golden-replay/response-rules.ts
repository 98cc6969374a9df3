// Rules of departures.ts about when the first byte leaves, and what is answered.

import type { ManagerConfig } from '../golden-server/config.ts'
import type { Typed } from '../golden-server/typed-values.ts'
import { anything } from './compare.ts'
import {
  addCookie,
  answerWithFailure,
  commitOf,
  expiryOf,
  firstByte,
  hasCookie,
} from './rule-tools.ts'
import {
  changesValues,
  foundSession,
  managerOf,
  type RequestScene,
  rowKey,
  valuesAfter,
} from './scene.ts'

/** What is changed between a 1xx and the first byte is committed with the rest. */
export function informational(scene: RequestScene): boolean {
  const { config, ops, calls, out } = scene
  const early = ops.findIndex(({ op, code = 200 }) => op === 'writeHeader' && code < 200)
  if (early === -1) return false
  const leaving = firstByte(ops)
  const found = foundSession(scene)
  const row = found && scene.ours.get(rowKey(found.store, found.token))
  if (early > leaving || !changesValues(row?.values ?? {}, ops.slice(early, leaving))) return false
  const manager = managerOf(config)
  const values = valuesAfter(row?.values ?? {}, ops.slice(0, leaving))
  const commit = commitOf(calls)
  if (commit !== undefined) {
    commit.values = values
    return true
  }
  if (found?.token === undefined || row === undefined) {
    // A new session: its token is the next that is seen.
    const deadline = `<now+${(manager.lifetimeMs ?? 86_400_000) / 1000}s>`
    commitAnew(scene, manager, 'commit', '<Tearly>', deadline, values)
    return true
  }
  commitAnew(
    scene,
    manager,
    found.call.replace('find', 'commit'),
    found.token,
    row.deadline,
    values,
  )
  out.results ??= []
  return true
}

function commitAnew(
  scene: RequestScene,
  manager: ManagerConfig,
  call: string,
  token: string,
  deadline: string,
  values: Record<string, Typed>,
): void {
  const expiry = expiryOf(manager, deadline)
  const commit = { call, store: manager.store || 'S', token, deadline, expiry, values }
  scene.calls.push(commit)
  addCookie(scene, manager, token, commit)
}

/** SCS sends the headers without the cookie, and commits at the first write. */
export function flushed(scene: RequestScene): boolean {
  const { config, ops, results, calls } = scene
  const leaving = firstByte(ops)
  const manager = managerOf(config)
  if (ops[leaving]?.op !== 'flush' || hasCookie(scene, manager)) return false
  const found = foundSession(scene)
  const row = found && scene.ours.get(rowKey(found.store, found.token))
  const before = ops.slice(0, leaving)
  if (before.some(({ op }, index) => op === 'destroy' && !results[index]?.err)) {
    addCookie(scene, manager, '', undefined)
    return true
  }
  const touched = row !== undefined && (manager.idleTimeoutMs ?? 0) > 0
  const renewed = before.some(({ op }) => op === 'renewToken')
  const commit = commitOf(calls)
  if (commit?.token === undefined) return false
  if (!touched && !renewed && !changesValues(row?.values ?? {}, before)) return false
  commit.values = valuesAfter(row?.values ?? {}, before)
  addCookie(scene, manager, commit.token, commit)
  return true
}

/** Changes after the first byte: a second commit where the client has the token, else an error. */
export function lateChanges(scene: RequestScene): boolean {
  const { config, ops, results, calls, out } = scene
  const leaving = firstByte(ops)
  const late = ops.slice(leaving + 1)
  const manager = managerOf(config)
  const found = foundSession(scene)
  const row = found && scene.ours.get(rowKey(found.store, found.token))
  const commit = calls.findLast(({ call, err }) => call.startsWith('commit') && err === undefined)
  const base = commit?.values ?? row?.values ?? {}
  const token = commit?.token ?? found?.token
  const known = token !== undefined && (found !== undefined || hasCookie(scene, manager))
  let changed = false
  for (const [index, { op }] of late.entries()) {
    const result = results[leaving + 1 + index]
    const wouldTell = op === 'destroy' || op === 'renewToken'
    const isNew = !known && (op === 'put' || op === 'rememberMe' || op === 'setDeadline')
    if (result === undefined || result.err || !(wouldTell || isNew)) continue
    result.err = anything
    changed = true
    // It throws before it deletes.
    const deleted = calls.findIndex(
      (call) => call.call.startsWith('delete') && call.token === token,
    )
    if (op === 'renewToken' && deleted !== -1) calls.splice(deleted, 1)
  }
  if (late.some(({ op }) => op === 'destroy' || op === 'renewToken')) return changed
  if (!known) {
    // A row that SCS filed at its first write, for a token that nobody was told.
    if (changed && commit !== undefined && ops[leaving]?.op === 'flush') {
      calls.splice(calls.indexOf(commit), 1)
    }
    return changed
  }
  // Where SCS commits after a flush, its commit has the change already.
  const included =
    ops[leaving]?.op === 'flush' && commit !== undefined && !hasCookie(scene, manager)
  if (included || out.error !== undefined || !changesValues(base, late)) return changed
  const deadline = commit?.deadline ?? row?.deadline ?? anything
  calls.push({
    call: commit?.call ?? (found?.call ?? 'find').replace('find', 'commit'),
    store: commit?.store ?? found?.store ?? 'S',
    token,
    deadline,
    expiry: expiryOf(manager, deadline),
    values: valuesAfter(base, late),
  })
  return true
}

/**
 * SCS: errorFunc's answer, and then what the handler wrote. A failure before the handler has no such bytes.
 */
export function cleanAnswer(scene: RequestScene): boolean {
  const { config, out, ops, calls } = scene
  if (out.ran !== true || out.error !== undefined) return false
  const failed = calls.find(({ call, err }) => call.startsWith('commit') && err !== undefined)
  const explicit = scene.results.some(({ op, err }) => op === 'commit' && err !== undefined)
  const manager = managerOf(config)
  const text = manager.errorFunc === 'custom' ? 'custom: ' : 'Internal Server Error\n'
  const answered =
    manager.errorFunc === 'silent'
      ? failed !== undefined
      : out.body?.startsWith(text) === true && (out.status ?? 0) >= 500
  const unencodable = ops.some(
    ({ op, t = '' }) => op === 'put' && ['func', 'chan', 'unregistered'].includes(t),
  )
  if (!answered || explicit || (failed === undefined && !unencodable)) return false
  const message = out.headers?.find(([name]) => name === 'X-Error-Func')?.[1] ?? ''
  const before = JSON.stringify(out)
  answerWithFailure(scene, message)
  return JSON.stringify(out) !== before
}

/** The answer of errorFunc; no connection is saved that has sent its first byte. */
export function panicAnswered(scene: RequestScene): boolean {
  const { ops, results, out } = scene
  const last = results.at(-1)
  if (last?.op !== 'panic' || last.panic === undefined) return false
  if (firstByte(ops) < results.length - 1) {
    // The connection is cut, whoever would recover.
    if (out.error !== undefined) return false
    out.error = 'connection closed'
    for (const name of ['status', 'body', 'setCookie', 'vary', 'cacheControl', 'jar'] as const) {
      delete out[name]
    }
    delete out.headers
    delete out.informational
    return true
  }
  answerWithFailure(scene, last.panic)
  return true
}

/** What a shared cache might store becomes private. */
export function privateCaching({ out }: RequestScene): boolean {
  const lines = out.cacheControl ?? []
  const notice = 'no-cache="Set-Cookie"'
  const theirs = lines.filter((line) => line !== notice)
  if (!lines.includes(notice) || theirs.length === 0) return false
  const directives = theirs.map((line) => line.split(',').map((text) => text.trim()))
  if (directives.flat().some((text) => /^(?:private|no-store)$/i.test(text))) return false
  const kept = directives.map((line) =>
    line.filter((text) => text !== '' && !/^(?:public|s-maxage)(?:\s*=|$)/i.test(text)),
  )
  kept[0]?.unshift('private')
  out.cacheControl = [
    ...kept.filter((line) => line.length > 0).map((line) => line.join(', ')),
    ...lines.filter((line) => line === notice),
  ]
  return true
}
