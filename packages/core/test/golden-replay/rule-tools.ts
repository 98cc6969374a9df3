// What several rules of departures.ts need.

import type { ManagerConfig } from '../golden-server/config.ts'
import { goJson } from '../golden-server/go-json.ts'
import type { Operation } from '../golden-server/operations.ts'
import { anything } from './compare.ts'
import { cookieLine, cookieName, type RequestScene } from './scene.ts'
import type { CallEntry, Out, ResultEntry } from './transcript.ts'

function isLeaving({ op, body, code = 200 }: Operation, index: number): boolean {
  if (op === 'writeHeader') return code >= 200
  if (op === 'copyBody') return Boolean(body)
  return op === 'writeResults' ? index > 0 : leavingOps.includes(op)
}

const leavingOps: readonly string[] = ['writeBody', 'httpError', 'redirect', 'flush']

/** Where the first byte leaves here; the number of operations where that is after the handler. */
export function firstByte(ops: readonly Operation[]): number {
  const index = ops.findIndex(isLeaving)
  return index === -1 ? ops.length : index
}

function failureBody(manager: ManagerConfig, message: string): Out {
  if (manager.errorFunc === 'silent') return { status: 200, body: '' }
  return manager.errorFunc === 'custom'
    ? { status: 503, body: `custom: ${message}`, headers: [['X-Error-Func', message]] }
    : { status: 500, body: 'Internal Server Error\n' }
}

/** The answer of errorFunc: headers are as they were before the handler. */
export function answerWithFailure({ out, config }: RequestScene, message: string): void {
  const layers = config.layers ?? (config.managers ?? [{}]).map((_, index) => index)
  const outer = (name: string) =>
    (config.outerHeaders ?? []).filter(([other]) => other === name).map(([, value]) => value)
  const innermost = config.managers?.[layers.at(-1) ?? 0] ?? {}
  delete out.error
  delete out.headers
  Object.assign(out, failureBody(innermost, message), {
    setCookie: outer('Set-Cookie'),
    vary: [...outer('Vary'), ...layers.map(() => 'Cookie')],
    cacheControl: outer('Cache-Control'),
  })
}

/** Adds the session cookie to the response; without a commit, the one that deletes. */
export function addCookie(
  { out }: RequestScene,
  manager: ManagerConfig,
  token: string,
  commit: CallEntry | undefined,
): void {
  const remembered = commit?.values?.__rememberMe?.v === true
  const persistent = manager.cookie?.persist !== false || remembered
  out.setCookie = [...(out.setCookie ?? []), cookieLine(manager, token, commit?.expiry, persistent)]
  out.cacheControl = [...(out.cacheControl ?? []), 'no-cache="Set-Cookie"']
  if (out.jar === undefined) return
  if (commit === undefined) delete out.jar[cookieName(manager)]
  else out.jar[cookieName(manager)] = token
}

/** Whether the response sets or deletes the session cookie. */
export function hasCookie({ out }: RequestScene, manager: ManagerConfig): boolean {
  return (out.setCookie ?? []).some((line) => line.startsWith(`${cookieName(manager)}=`))
}

/** Takes the session cookie out of the response. */
export function removeCookie({ out }: RequestScene, manager: ManagerConfig): void {
  const kept = (out.setCookie ?? []).filter((line) => !line.startsWith(`${cookieName(manager)}=`))
  if (kept.length === out.setCookie?.length) return
  out.setCookie = kept
  out.cacheControl = (out.cacheControl ?? []).slice(0, -1)
}

/** The first commit that did not fail. */
export function commitOf(calls: readonly CallEntry[]): CallEntry | undefined {
  return calls.find(({ call, err }) => call.startsWith('commit') && err === undefined)
}

/** When the store may forget a session of this deadline. */
export function expiryOf(manager: ManagerConfig, deadline: string): string {
  const { idleTimeoutMs = 0 } = manager
  const ahead = /^<now\+([\d.]+)s>$/.exec(deadline)?.[1]
  const sooner = idleTimeoutMs > 0 && (ahead === undefined || Number(ahead) * 1000 > idleTimeoutMs)
  return sooner ? `<now+${idleTimeoutMs / 1000}s>` : deadline
}

/** What depends on a session that is not the one SCS had cannot be told from SCS's answer. */
export function leaveOpen(out: Out): void {
  for (const name of ['status', 'body', 'setCookie', 'cacheControl', 'headers', 'jar'] as const) {
    delete out[name]
  }
  delete out.results
  out.calls = anything as unknown as CallEntry[]
}

/** The body that `writeResults` makes of results; `undefined` when the request writes anything else. */
export function resultsBody(
  ops: readonly Operation[],
  results: readonly ResultEntry[],
): string | undefined {
  const writers = ops.filter(isLeaving)
  const at = ops.findIndex(({ op }) => op === 'writeResults')
  if (at === -1 || writers.length !== 1) return undefined
  return results
    .slice(0, at)
    .map((result) => `${goJson(result)}\n`)
    .join('')
}
