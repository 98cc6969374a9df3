import { hour, JsonCodec } from '@scs/core'
import { openStore } from '../growth/open-store.ts'
import { openStatements } from '../http/servers/raw-statements.ts'
import type { Databases } from '../support/databases.ts'
import { type Timed, timed } from './timed.ts'

/** Commits and finds, by the driver alone and through the store. */
export interface StoreCosts {
  readonly commit: readonly Timed[]
  readonly find: readonly Timed[]
}

const token = 'x'.repeat(43)
const expiry = new Date(Date.now() + 24 * hour)
const data = new JsonCodec().encode(
  expiry,
  new Map(Object.entries({ name: 'Ann Example', userID: 48_151, flash: 'Saved.' })),
)

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
      { name: 'DrizzleStore', run: () => store.commit(token, data, expiry) },
    ]),
    find: await timed([
      { name: 'the raw driver', run: () => raw.find(token, new Date()) },
      { name: 'DrizzleStore', run: () => store.find(token) },
    ]),
  }
}
