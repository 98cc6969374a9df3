import { strict as assert } from 'node:assert'
import type { Swap } from '@scs/core'
import { allOf, atOnce } from '../at-once.ts'
import { attempt, expectData, expectGone } from '../expect.ts'
import { deleteRemoves, deleteSparesOthers, swapIsOneStep, swapWorks } from '../premises.ts'
import { live, text } from '../sample.ts'
import { type StoreCase, storeCase } from '../store-case.ts'
import type { Subject } from '../subject.ts'

type SwapRow = Swap['absorbed'][number]

/** Swaps at the same time. */
export const swapRaceCases: readonly StoreCase[] = [
  storeCase(
    'swap is one step: of 20 at once one wins, and none undoes a delete',
    async (subject) => {
      if (!(await swapWorks(subject))) return
      const from = { token: subject.token(), data: text('contended') }
      await subject.commit(from.token, from.data, live())
      const targets = await atOnce(20, async (index) => ({
        token: index % 2 === 0 ? from.token : subject.token(),
        data: text(`by ${index}`),
        expiry: live(),
      }))
      const won = await allOf(targets.map((to) => subject.swap({ from, to, absorbed: [] })))
      const winners = won.filter((result) => result).length
      assert.ok(
        winners === 1,
        `of 20 swaps of one session at once one is true, not ${winners}: compare and write in one step`,
      )
      const winner = targets[won.indexOf(true)]
      const promise = 'of 20 swaps of one session at once, only the one that was true has written'
      for (const { token } of targets) {
        if (token === winner?.token) expectData(await subject.find(token), winner.data, promise)
        else await expectGone(subject, token, promise)
      }

      if (!(await deleteRemoves(subject))) return
      for (let round = 0; round < 10; round++) {
        const row = { token: subject.token(), data: text('to be deleted') }
        await subject.commit(row.token, row.data, live())
        const to = { ...row, data: text('new'), expiry: live() }
        const swapping = subject.swap({ from: row, to, absorbed: [] })
        await allOf<unknown>([subject.delete(row.token), swapping])
        await expectGone(subject, row.token, 'a swap at the same time does not undo a delete')
      }
    },
    'atomic',
  ),

  storeCase(
    'swap absorbs in one step: among others at once each session goes once, and none is lost or returns',
    async (subject) => {
      if (!(await swapWorks(subject)) || !(await swapIsOneStep(subject))) return
      if (!(await deleteRemoves(subject)) || !(await deleteSparesOthers(subject))) return
      const race = new Race(subject)
      await race.start()
      await atOnce(workers, async (worker) => {
        for (let round = 0; round < rounds; round++) await race.step(worker, round)
      })
      await race.check()
    },
    'atomic',
  ),
]

const workers = 16
const rounds = 8
const slots = 6

/** What one write has put under a token. No two are the same. */
interface Content extends SwapRow {
  /** How many swaps that were true have written over it, or absorbed it. */
  taken: number
  /** Whether a swap that was false had it among its absorbed sessions. */
  wasRefused: boolean
}

/**
 * Swaps and deletes of a few sessions by many workers at once, and what must be there in the end.
 */
class Race {
  readonly #subject: Subject
  readonly #tokens: string[] = []
  readonly #contents = new Map<string, Content>()
  readonly #deleted = new Set<string>()

  constructor(subject: Subject) {
    this.#subject = subject
  }

  async start(): Promise<void> {
    for (let slot = 0; slot < slots; slot++) await this.#add(slot, `start ${slot}`)
  }

  async step(worker: number, round: number): Promise<void> {
    const first = (worker * 5 + round * 7) % slots
    const name = `by ${worker} in round ${round}`
    if ((worker + round) % 11 === 0) {
      const token = this.#tokens[first] ?? ''
      // What delete makes of a missing session is the business of another case, as with find.
      await attempt(() => this.#subject.delete(token))
      this.#deleted.add(token)
      await this.#add(first, name)
    } else await this.#swap(first, name, (worker + round * 3) % 6)
  }

  async check(): Promise<void> {
    for (const { taken } of this.#contents.values()) {
      assert.ok(taken <= 1, 'of swaps at once, one writes over a session, or absorbs it')
    }
    const tokens = new Set([...this.#contents.values()].map(({ token }) => token))
    for (const token of tokens) {
      const found = await this.#find(token)
      const left = [...this.#contents.values()].filter(
        (content) => content.token === token && content.taken === 0,
      )
      if (this.#deleted.has(token) || left.length === 0) {
        assert.ok(!found, 'a session that was deleted, moved or absorbed does not return')
        continue
      }
      const [content] = left
      if (!content) continue
      if (!found && this.#subject.absorbsInSteps && content.wasRefused) continue
      expectData(
        found,
        content.data,
        'a session that no swap has written over, moved or absorbed is there, unless it was deleted',
      )
    }
  }

  async #add(slot: number, name: string): Promise<void> {
    const to = this.#to(this.#subject.token(), name)
    this.#wrote(to)
    const isAdded = await this.#subject.swap({ from: undefined, to, absorbed: [] })
    if (isAdded) this.#tokens[slot] = to.token
    else this.#contents.delete(keyOf(to))
  }

  // 0: stays; 1: moves; 2: absorbs one; 3: moves and absorbs two; 4 and 5: a new one that absorbs
  // one, or two.
  async #swap(first: number, name: string, kind: number): Promise<void> {
    const count = [1, 1, 2, 3, 1, 2][kind] ?? 1
    const rows: Content[] = []
    for (let at = 0; at < count; at++) {
      const token = this.#tokens[(first + at) % slots] ?? ''
      const data = await this.#find(token)
      const content = data && this.#contents.get(keyOf({ token, data }))
      if (content && !rows.some((row) => row.token === token)) rows.push(content)
    }
    const from = kind < 4 ? rows[0] : undefined
    const rest = from ? rows.slice(1) : rows
    if (rows.length === 0) return this.#add(first, name)
    const stays = from && (kind === 0 || kind === 2)
    const to = this.#to(stays ? from.token : this.#subject.token(), name)
    // The write may be seen by others before it is acknowledged.
    this.#wrote(to)
    if (await this.#subject.swap({ from, to, absorbed: rest })) {
      for (const row of rows) row.taken++
      this.#tokens[first] = to.token
    } else {
      this.#contents.delete(keyOf(to))
      for (const row of rest) row.wasRefused = true
    }
  }

  async #find(token: string): Promise<Uint8Array | undefined> {
    const outcome = await attempt(() => this.#subject.find(token))
    const data = 'value' in outcome ? outcome.value : undefined
    return data instanceof Uint8Array && data.length > 0 ? data : undefined
  }

  #to(token: string, name: string) {
    return { token, data: text(name), expiry: live() }
  }

  #wrote({ token, data }: SwapRow): void {
    this.#contents.set(keyOf({ token, data }), { token, data, taken: 0, wasRefused: false })
  }
}

function keyOf({ token, data }: SwapRow): string {
  return `${token} ${Buffer.from(data).toString('latin1')}`
}
