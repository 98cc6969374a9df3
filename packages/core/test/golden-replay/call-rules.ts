// Rules of departures.ts about what the store is asked, and in which order.

import type { Config } from '../golden-server/config.ts'
import type { Operation } from '../golden-server/operations.ts'
import { anything } from './compare.ts'
import { firstToken } from './cookie-departures.ts'
import { answerWithFailure, expiryOf, leaveOpen } from './rule-tools.ts'
import {
  cookieName,
  managerOf,
  type RequestScene,
  rowKey,
  type Scene,
  valuesAfter,
} from './scene.ts'
import type { CallEntry } from './transcript.ts'

const tokenGrammar = /^(?:[A-Za-z0-9_-]{1,43}|<(?:H:)*T\w+>|<H:empty>|<tampered T\w+>)$/

/** No look-up of what cannot be a token. */
export function malformedTokens({ config, requests, out }: Scene): boolean {
  const { calls } = out
  if (calls === undefined) return false
  // A hash hides what it is of: that is seen in the request.
  const empties = requests.flatMap(({ ops = [] }) =>
    ops.filter(({ op, token = '' }) => op === 'mergeSession' && token === ''),
  )
  const hashed = managerOf(config).hashTokenInStore === true && empties.length > 0
  const kept = calls.filter(({ call, token = '' }) => {
    if (!call.startsWith('find')) return true
    return tokenGrammar.test(token) && !(hashed && token === '<H:empty>')
  })
  if (kept.length === calls.length) return false
  // What SCS did not find was no session there either; the same transcript without the call.
  calls.splice(0, calls.length, ...kept)
  return true
}

/**
 * Quotes stay, the first of a name wins: where that is another token than Go's, the session is another one.
 */
export function cookieRead({ config, requests, ops, calls, out }: RequestScene): boolean {
  const lines = (requests[0]?.headers ?? [])
    .filter(([name]) => name.toLowerCase() === 'cookie')
    .map(([, value]) => value)
  if (lines.length === 0 || (config.managers ?? []).length > 1 || out.error !== undefined)
    return false
  const others = ops.filter(({ op, token }) => /^(?:mergeSession|loadNew)$/.test(op) && token)
  const finds = calls.filter(({ call }) => call.startsWith('find'))
  const theirs = finds.length > others.length ? finds[0] : undefined
  const standIns = new Map<string, string>()
  const filled = lines.map((line) => withStandIns(line, standIns))
  const ours = firstToken({ name: cookieName(managerOf(config)), lines: filled })
  if (ours === null && theirs === undefined) return false
  if (ours === null && theirs?.found === false && theirs.err === undefined) {
    calls.splice(calls.indexOf(theirs), 1)
    return true
  }
  const same = theirs?.token === (standIns.get(ours ?? '') ?? ours)
  const hashed = managerOf(config).hashTokenInStore === true
  if (ours !== null && theirs !== undefined && (same || hashed)) return false
  leaveOpen(out)
  return true
}

// Each placeholder as a token that the cookie's grammar takes; what it stands for is kept.
function withStandIns(line: string, standIns: Map<string, string>): string {
  return line.replace(/\{\{(.*?)\}\}/g, (_, inner: string) => {
    const [word = '', argument = '', count = ''] = inner.split(' ')
    if (word === 'repeat') return argument.repeat(Number(count))
    const standIn = String(standIns.size).padStart(43, '-')
    const meant = { hash: `H:${argument}`, tamper: `tampered ${argument}` }[word]
    standIns.set(standIn, `<${meant ?? inner}>`)
    return standIn
  })
}

/** No delete of the empty token. */
export function nothingToDelete({ out }: Scene): boolean {
  const { calls } = out
  if (calls === undefined) return false
  const kept = calls.filter(
    ({ call, token, err }) =>
      !(call.startsWith('delete') && err === undefined && (token === '' || token === '<H:empty>')),
  )
  if (kept.length === calls.length) return false
  calls.splice(0, calls.length, ...kept)
  return true
}

/**
 * SCS: delete T1, commit T2. Here: commit T2, delete T1; a token that was renewed before any commit has no
 * row.
 */
export function renewedAfterCommit({ config, requests, out, ours }: Scene): boolean {
  const { calls } = out
  if (calls === undefined) return false
  const renewals = requests.flatMap(({ ops = [] }) => deletesOfRenewals(config, ops, calls))
  let changed = false
  for (const entry of renewals) {
    const index = calls.indexOf(entry)
    const wasFound = calls
      .slice(0, index)
      .some(({ call, token, found }) => token === entry.token && (found || /commit/.test(call)))
    if (!wasFound && !ours.has(rowKey(entry.store, entry.token))) {
      calls.splice(index, 1)
      changed = true
      continue
    }
    const next = calls.findIndex(
      ({ call, store, token, err }, place) =>
        place > index &&
        call.startsWith('commit') &&
        err === undefined &&
        store === entry.store &&
        token !== entry.token,
    )
    if (next === -1) continue
    calls.splice(next + 1, 0, entry)
    calls.splice(index, 1)
    changed = true
  }
  // A session that is destroyed under a token that no commit has filed: the old row alone goes.
  for (const { ops = [] } of requests) {
    const at = ops.findIndex(({ op }) => op === 'renewToken')
    if (at === -1 || !ops.slice(at).some(({ op }) => op === 'destroy')) continue
    const unfiled = calls.filter(
      ({ call, store, token }) =>
        call.startsWith('delete') &&
        !ours.has(rowKey(store, token)) &&
        !calls.some((other) => other.token === token && (other.found || /commit/.test(other.call))),
    )
    for (const entry of unfiled) calls.splice(calls.indexOf(entry), 1)
    changed ||= unfiled.length > 0
  }
  return changed
}

// Which deletes a request's renewals made: a renewal deletes where the session has a token.
function deletesOfRenewals(
  config: Config,
  ops: readonly Operation[],
  calls: readonly CallEntry[],
): CallEntry[] {
  const renewals: CallEntry[] = []
  for (const m of new Set(ops.map(({ m = 0 }) => m))) {
    const store = managerOf(config, { op: '', m }).store || 'S'
    const theirs = calls.filter((entry) => entry.store === store)
    const deletes = theirs.filter(({ call, err }) => call.startsWith('delete') && !err)
    let hasToken = theirs.some(({ call, found }) => call.startsWith('find') && found)
    for (const { op, token = '' } of ops.filter((operation) => (operation.m ?? 0) === m)) {
      const merges = op === 'mergeSession' && deletes[0]?.token === placed(token)
      const deleting = merges || (hasToken && (op === 'destroy' || op === 'renewToken'))
      const entry = deleting ? deletes.shift() : undefined
      if (op === 'renewToken' && entry !== undefined) renewals.push(entry)
      if (op === 'renewToken' || op === 'commit') hasToken = true
      if (op === 'destroy') hasToken = false
    }
  }
  return renewals
}

// {{T1}} of what is sent is <T1> of what comes.
function placed(token: string): string {
  return token.replace(/^\{\{(.*)\}\}$/, '<$1>')
}

/**
 * SCS: renewToken fails with the delete, and nothing has changed. Here: commit T2, delete T1 fails, T2 goes
 * again.
 */
export function renewalThatFails(scene: RequestScene): boolean {
  const { config, ops, results, calls, ours } = scene
  const at = ops.findIndex(({ op }, index) => op === 'renewToken' && results[index]?.err)
  const failed = calls.findIndex(({ call, err }) => call.startsWith('delete') && err)
  const entry = calls[failed]
  const row = entry && ours.get(rowKey(entry.store, entry.token))
  if (at === -1 || entry === undefined || row === undefined) return false
  const manager = managerOf(config, ops[at])
  const renewed = '<Trenewed>'
  const { err = '', ...renewal } = results[at] ?? { op: 'renewToken' }
  results[at] = renewal
  for (const result of results.slice(at + 1)) {
    if (result.op === 'status' && result.r === 'Unmodified') result.r = 'Modified'
    if (result.op === 'token') result.r = renewed
  }
  const deadline = `<now+${(manager.lifetimeMs ?? 86_400_000) / 1000}s>`
  const suffix = entry.call.endsWith('Ctx') ? 'Ctx' : ''
  const { count = 0 } = scene.failing.get(`${entry.store} delete`) ?? {}
  const { err: _, ...cleanup } = { ...entry, token: renewed }
  calls.splice(
    failed,
    1,
    {
      call: `commit${suffix}`,
      store: entry.store,
      token: renewed,
      deadline,
      expiry: expiryOf(manager, deadline),
      values: valuesAfter(row.values, ops.slice(at)),
    },
    entry,
    count < 0 || count > 1 ? { ...cleanup, err } : cleanup,
  )
  answerWithFailure(scene, err)
  return true
}

/** What iterate deletes is deleted. */
export function hashedOnce({ config, ops, results, calls, ours }: RequestScene): boolean {
  const at = ops.findIndex(({ op }) => op === 'iterate')
  if (at === -1 || !managerOf(config, ops[at]).hashTokenInStore) return false
  let changed = false
  for (const entry of calls) {
    if (!entry.token?.startsWith('<H:H:')) continue
    entry.token = entry.token.replace('<H:H:', '<H:')
    if (entry.call.startsWith('delete')) ours.delete(rowKey(entry.store, entry.token))
    changed = true
  }
  for (const result of results.flatMap(({ sessions = [] }) => sessions)) {
    for (const inner of result.results ?? []) {
      if (inner.op !== 'token' && inner.op !== 'commit') continue
      if (inner.op === 'token') inner.r = ''
      else inner.token = ''
      changed = true
    }
  }
  return changed
}

/** What Go cannot decode ends its iteration. */
export function unreadableRows({ ops, results }: RequestScene): boolean {
  let changed = false
  for (const [index, { op, stop }] of ops.entries()) {
    const result = results[index]
    const isGos = /gob|EOF|json|unexpected|invalid character/i.test(result?.err ?? '')
    if (op !== 'iterate' || result === undefined || result.err === stop || !isGos) continue
    delete result.err
    // Which rows came before the unreadable one is a matter of Go's maps.
    Object.assign(result, { sessions: anything })
    changed = true
  }
  return changed
}
