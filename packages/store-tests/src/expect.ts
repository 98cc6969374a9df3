import { strict as assert } from 'node:assert'
import { isDeepStrictEqual, types } from 'node:util'
import { past, text } from './sample.ts'
import type { Subject } from './subject.ts'

/** What a call came to. */
export type Outcome = { readonly value: unknown } | { readonly error: unknown }

/** Calls `fn` and tells what came of it; never throws. */
export async function attempt(fn: () => Promise<unknown>): Promise<Outcome> {
  try {
    return { value: await fn() }
  } catch (error) {
    return { error }
  }
}

/**
 * Whether the outcome of a find is in some way "no session": the right way is the business of one
 * case.
 */
export function isAbsent(outcome: Outcome): boolean {
  return 'error' in outcome || outcome.value === undefined || outcome.value === null
}

/** Fails with `promise` unless `actual` is the bytes of `expected`. */
export function expectData(actual: unknown, expected: Uint8Array, promise: string): void {
  // Not instanceof: some runners give tests globals of their own.
  if (!types.isUint8Array(actual)) {
    const found = actual === undefined || actual === null ? 'no session' : kindOf(actual)
    assert.fail(`${promise}; found: ${found}, not a Uint8Array`)
  }
  if (Buffer.compare(actual, expected) === 0) return
  if (actual.length !== expected.length) {
    assert.fail(`${promise}; ${expected.length} bytes went in, ${actual.length} came back`)
  }
  const at = expected.findIndex((byte, index) => byte !== actual[index])
  assert.fail(
    `${promise}; of ${expected.length} bytes, the one at ${at} went in as ${expected[at]}, came back as ${actual[at]}`,
  )
}

/**
 * Fails with `promise` when `token` is found. What find makes of a token that was never there is
 * the business of one case: here it has to make the same of this one.
 */
export async function expectGone(subject: Subject, token: string, promise: string): Promise<void> {
  await expectAsMissing((which) => subject.find(which), subject, token, promise)
}

/**
 * Fails with `promise` when `token`, whose expiry has passed, is found. As {@link expectGone}, but
 * measured by a session that was committed with an expiry in the past.
 */
export async function expectExpired(
  subject: Subject,
  token: string,
  promise: string,
): Promise<void> {
  const outcome = await attempt(() => subject.find(token))
  if ('value' in outcome && outcome.value === undefined) return
  const expired = subject.token()
  await subject.commit(expired, text('expired from the start'), past())
  const other = await attempt(() => subject.find(expired))
  if (isAbsent(outcome) ? isAbsent(other) : !isAbsent(other)) return
  const what = 'error' in outcome ? messageOf(outcome.error) : kindOf(outcome.value)
  assert.fail(`${promise}; got ${what}`)
}

/**
 * Fails with `promise` when findWithExpiry gives another expiry than `expiry`, by a second or more:
 * milliseconds are the business of one case. What findWithExpiry makes of a plain commit is that of
 * another: this must differ from it.
 */
export async function expectExpiry(
  subject: Subject,
  token: string,
  expiry: Date,
  promise: string,
): Promise<void> {
  const off = await expiryOff(subject, token, expiry)
  if (Math.abs(off) < 1000) return
  const other = subject.token()
  await subject.commit(other, text('committed'), expiry)
  if (Math.abs(await expiryOff(subject, other, expiry)) >= 1000) return
  assert.fail(`${promise}; it is off by ${off} ms`)
}

/**
 * By how many milliseconds findWithExpiry gives a later expiry than `expiry`; NaN when it finds
 * nothing.
 */
export async function expiryOff(subject: Subject, token: string, expiry: Date): Promise<number> {
  const found = await subject.findWithExpiry(token)
  return found ? found.expiry.getTime() - expiry.getTime() : Number.NaN
}

/**
 * Fails with `promise` when `call` does not make the same of `token` as of one that was never
 * there.
 */
export async function expectAsMissing(
  call: (token: string) => Promise<unknown>,
  subject: Subject,
  token: string,
  promise: string,
): Promise<void> {
  const outcome = await attempt(() => call(token))
  if ('value' in outcome && outcome.value === undefined) return
  const missing = await attempt(() => call(subject.token()))
  if ('error' in outcome) {
    if ('error' in missing) return
    assert.fail(`${promise}; it failed, which no session may cause: ${messageOf(outcome.error)}`)
  }
  if ('value' in missing && isDeepStrictEqual(outcome.value, missing.value)) return
  assert.fail(`${promise}; got ${kindOf(outcome.value)}`)
}

/** A value in a few words. */
export function kindOf(value: unknown): string {
  if (types.isUint8Array(value)) return `${value.length} bytes of data`
  if (typeof value === 'object' && value !== null) return `an object (${value.constructor?.name})`
  return String(value)
}

/** An error in a few words: a message may repeat a token of 64 KB. */
export function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  return message.length > 300 ? `${message.slice(0, 300)}…` : message
}
