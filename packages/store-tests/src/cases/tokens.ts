import { strict as assert } from 'node:assert'
import { attempt, expectAsMissing, expectData, expectGone, isAbsent } from '../expect.ts'
import { malformedTokens } from '../malformed-tokens.ts'
import { deleteSparesOthers } from '../premises.ts'
import { live, text } from '../sample.ts'
import { type StoreCase, storeCase } from '../store-case.ts'
import type { Subject } from '../subject.ts'

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

// `other` is not found, and to delete it does nothing, while `token` is there.
async function expectOther(subject: Subject, token: string, other: string, promise: string) {
  await subject.commit(token, text('under the token'), live())
  await expectGone(subject, other, promise)
  expectData(await subject.find(token), text('under the token'), promise)
  await expectAsMissing((which) => subject.delete(which), subject, other, promise)
  const found = await attempt(() => subject.find(token))
  if (isAbsent(found) && (await deleteSparesOthers(subject))) assert.fail(promise)
}

/** Tokens are compared byte for byte; nothing that a client can send is an error. */
export const tokenCases: readonly StoreCase[] = [
  storeCase('tokens that differ in the case of a letter are two tokens', async (subject) => {
    const promise = 'tokens are compared byte for byte: the case of letters counts'
    const tail = subject.token().slice(4)
    const upper = subject.remember(`ABCD${tail}`)
    const lower = subject.remember(`abcd${tail}`)
    await expectOther(subject, upper, lower, promise)
    await subject.commit(lower, text('under the other'), live())
    await subject.commit(upper, text('under the token'), live())
    expectData(await subject.find(lower), text('under the other'), promise)
    expectData(await subject.find(upper), text('under the token'), promise)
  }),

  storeCase('a space before or after a token makes it another', async (subject) => {
    const promise = 'tokens are compared byte for byte: a space before or after counts'
    const token = subject.token()
    for (const other of [`${token} `, ` ${token}`, `${token}\n`, `${token}\t`]) {
      await expectOther(subject, token, other, promise)
    }
  }),

  storeCase('every character of a token counts', async (subject) => {
    const promise = 'tokens are compared byte for byte, each whole'
    const token = subject.remember(`A${subject.token().slice(2)}A`)
    const [head, tail] = [token.slice(0, 21), token.slice(22)]
    const others = [
      `B${token.slice(1)}`,
      `${token.slice(0, -1)}B`,
      token.slice(0, -1),
      token.slice(1),
    ]
    // Wildcards of SQL's LIKE and of file names.
    others.push(`${head}_${tail}`, `${head}%${tail}`, `${head}%`, `${head}*`, '*', '%')
    for (const other of others) {
      if (other !== token) await expectOther(subject, token, other, promise)
    }
  }),

  storeCase('a token has from 1 to 43 characters of base64url', async (subject) => {
    const one = subject.remember(alphabet.charAt(Math.floor(Math.random() * alphabet.length)))
    const tokens = [
      one,
      subject.remember(alphabet.slice(0, 43)),
      subject.remember(alphabet.slice(-43)),
    ]
    tokens.push(subject.remember('-'.repeat(43)), subject.remember('_'.repeat(43)))
    for (const token of tokens) await subject.commit(token, text(`under ${token}`), live())
    for (const token of tokens) {
      expectData(
        await subject.find(token),
        text(`under ${token}`),
        'a token of 1 to 43 characters, each of A-Z, a-z, 0-9, - and _, is found',
      )
    }
  }),

  storeCase('names of members of objects are tokens like others', async (subject) => {
    for (const name of ['__proto__', 'constructor', 'toString', 'length']) {
      const token = subject.remember(name)
      await subject.delete(token).catch(() => {})
      await expectGone(subject, token, `"${name}" is a token like others: not found when not there`)
      await subject.commit(token, text(name), live())
      expectData(
        await subject.find(token),
        text(name),
        `"${name}" is a token like others: found when committed`,
      )
    }
  }),

  storeCase('find of a malformed token is undefined', async (subject) => {
    const token = subject.token()
    await subject.commit(token, text('under a token'), live())
    for (const [kind, malformed] of malformedTokens(token)) {
      await expectAsMissing(
        (which) => subject.find(which),
        subject,
        malformed,
        `find of a malformed token (${kind}) is undefined, without an error`,
      )
    }
  }),

  storeCase('delete of a malformed token is quiet', async (subject) => {
    const token = subject.token()
    await subject.commit(token, text('to be kept'), live())
    for (const [kind, malformed] of malformedTokens(token)) {
      await expectAsMissing(
        (which) => subject.delete(which),
        subject,
        malformed,
        `delete of a malformed token (${kind}) does nothing, without an error`,
      )
    }
    const kept = await subject.find(token)
    assert.ok(
      kept || !(await deleteSparesOthers(subject)),
      'delete of malformed tokens leaves the sessions that are there alone',
    )
  }),
]
