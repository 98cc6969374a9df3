import { background, hour, JsonCodec } from '@scs/core'
import { over } from '../../test/swaps.ts'
import { openStore } from '../growth/open-store.ts'
import { openStatements } from '../http/servers/open-statements.ts'
import type { Databases } from '../support/databases.ts'
import { type Subject, type Timed, timed } from './timed.ts'

const ctx = background()

/** Commits, replacements and finds, by the driver alone and through the store. */
export interface StoreCosts {
  readonly commit: readonly Timed[]
  readonly replace: readonly Timed[]
  readonly find: readonly Timed[]
}

const token = 'x'.repeat(43)
const expiry = new Date(Date.now() + 24 * hour)
const codec = new JsonCodec()
const sessionOf = (visits: number) =>
  codec.encode(
    expiry,
    new Map(Object.entries({ name: 'Ann Example', userID: 48_151, flash: 'Saved.', visits })),
  )
const data = sessionOf(1)

/** One row, over and over, on a new database. */
export async function storeCosts(
  database: 'postgres' | 'sqlite' | 'mariadb',
  databases: Databases,
): Promise<StoreCosts> {
  const address = await databases.create(database)
  await using opened = await openStore(database, address)
  const { store } = opened
  await using raw = await openStatements({ store: database, address })
  return {
    commit: await timed([
      { name: 'the raw driver', run: () => raw.commit(token, data, expiry) },
      { name: 'DrizzleStore', run: () => store.commitCtx(ctx, token, data, expiry) },
    ]),
    replace: await timed([
      await swapping('the raw driver', (from, to) =>
        raw.replace(token, from, { token, data: to, expiry }, new Date()),
      ),
      await swapping('DrizzleStore', (from, to) =>
        store.swap(background(), over(token, from, to, expiry)),
      ),
    ]),
    find: await timed([
      { name: 'the raw driver', run: () => raw.find(token, new Date()) },
      { name: 'DrizzleStore', run: () => store.findCtx(ctx, token) },
    ]),
  }
}

// Each call changes the row, as a write of a request does. A round has an even number of calls, and leaves it as it was.
async function swapping(
  name: string,
  swap: (from: Uint8Array, to: Uint8Array) => unknown,
): Promise<Subject> {
  let [from, to] = [data, sessionOf(2)]
  const run = () => {
    const swapped = swap(from, to)
    ;[from, to] = [to, from]
    return swapped
  }
  for (const way of ['there', 'back']) {
    if (!(await run())) throw new Error(`${name} has not replaced the session, ${way}`)
  }
  return { name, run }
}
