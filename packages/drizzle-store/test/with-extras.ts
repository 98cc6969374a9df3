import { DrizzleStore } from '@scs/drizzle-store'
import type { StoreTarget } from '@scs/store-tests'
import { sql } from 'drizzle-orm'
import { select } from './databases.ts'
import type { Driver, Opened } from './drivers.ts'

/** A store with a column and a child table of the user's own in its new database. */
export async function withExtras(
  driver: Driver,
  { db, run }: Opened,
  options: { readonly prepare?: boolean | undefined } = {},
): Promise<StoreTarget & { readonly store: DrizzleStore }> {
  const store = await DrizzleStore.create(db, { ...options, cleanupInterval: 0 })
  const tokenType =
    driver.dialect === 'mysql' ? 'char(43) character set ascii collate ascii_bin' : 'text'
  await run(sql`alter table sessions add column user_id integer`)
  await run(sql`create table notes (token ${sql.raw(tokenType)} not null, note text,
    foreign key (token) references sessions (token) on delete cascade on update cascade)`)
  return {
    store,
    extras: {
      async write(token) {
        await run(sql`update sessions set user_id = 42 where token = ${token}`)
        await run(sql`insert into notes values (${token}, 'kept')`)
      },
      read: (token) =>
        select(
          db,
          { userId: sql`s.user_id`, note: sql`n.note` },
          sql`sessions s join notes n on n.token = s.token where s.token = ${token}`,
        ),
    },
  }
}
