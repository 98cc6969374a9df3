import { strict as assert } from 'node:assert'
import { inChunks } from '../at-once.ts'
import { attempt, expectData, isAbsent } from '../expect.ts'
import { deleteSparesOthers } from '../premises.ts'
import { live, past, text } from '../sample.ts'
import { type StoreCase, storeCase } from '../store-case.ts'
import type { Subject } from '../subject.ts'

// More than one page of most stores; a store with larger pages is only seen to give one.
const many = 1200

async function commitMany(subject: Subject): Promise<readonly string[]> {
  const tokens = Array.from({ length: many }, () => subject.token())
  await inChunks(tokens, (token) => subject.commit(token, text(`under ${token}`), live()))
  return tokens
}

async function scanAll(subject: Subject): Promise<Map<string, Uint8Array>> {
  const found = new Map<string, Uint8Array>()
  for await (const [token, data] of subject.scan()) found.set(token, data)
  return found
}

/** scan. */
export const scanCases: readonly StoreCase[] = [
  storeCase(
    'scan gives every live session and its data',
    async (subject) => {
      const tokens = await commitMany(subject)
      const found = await scanAll(subject)
      for (const token of tokens.filter((token) => !found.has(token))) {
        // One that find misses as well, commit has lost.
        const lost = isAbsent(await attempt(() => subject.find(token)))
        assert.ok(lost, `scan gives every live session; of ${many} it gave ${found.size}`)
      }
      for (const token of tokens.filter((token) => found.has(token))) {
        expectData(
          found.get(token),
          text(`under ${token}`),
          'scan gives each session with its data',
        )
      }
    },
    'scan',
  ),

  storeCase(
    'scan leaves out what has expired',
    async (subject) => {
      const [alive, expired] = [subject.token(), subject.token()]
      await subject.commit(alive, text('live'), live())
      await subject.commit(expired, text('expired'), past())
      const found = await scanAll(subject)
      assert.ok(!found.has(expired), 'scan gives live sessions, not those whose expiry has passed')
    },
    'scan',
  ),

  storeCase(
    'scan misses no session because others are deleted meanwhile',
    async (subject) => {
      const tokens = await commitMany(subject)
      const complete = await scanAll(subject)
      if (!tokens.every((token) => complete.has(token))) return
      if (!(await deleteSparesOthers(subject))) return
      const mine = new Set(tokens)
      const found = new Set<string>()
      for await (const [token] of subject.scan()) {
        if (!mine.has(token) || found.has(token)) continue
        found.add(token)
        await subject.delete(token)
      }
      assert.ok(
        found.size === many,
        `scan gives every session that lives throughout, also when those it gave are deleted; of ${many} it missed ${many - found.size}`,
      )
    },
    'scan',
  ),

  storeCase(
    'scan can be left early, and begun again',
    async (subject) => {
      const tokens = [subject.token(), subject.token(), subject.token()]
      for (const token of tokens) await subject.commit(token, text('kept'), live())
      for (let round = 0; round < 3; round++) {
        for await (const _ of subject.scan()) break
      }
      expectData(
        await subject.find(tokens[0] ?? ''),
        text('kept'),
        'a scan that is left early leaves the store as it was',
      )
    },
    'scan',
  ),
]
