import { setTimeout as delay } from 'node:timers/promises'
import type { Awaitable } from '@scs/core'
import { and, asc, gt, inArray, is, lte, sql } from 'drizzle-orm'
import { type BaseSQLiteDatabase, getTableConfig, SQLiteTable } from 'drizzle-orm/sqlite-core'
import { absorbedValues, absorbing, deadRow, unlessAbsorbed } from './absorbing.ts'
import { map } from './awaitable.ts'
import { briefly } from './brief-delete.ts'
import { columnNamer, tableElements } from './create-table.ts'
import { definedColumns } from './defined-columns.ts'
import {
  type BatchSizes,
  type Dialect,
  pageSize,
  type Queries,
  type SchemaOfTable,
} from './dialect.ts'
import { isLocked } from './driver-error.ts'
import { sessions } from './sqlite.ts'
import { assigned, bound, filledColumns, reuse, reuseEach } from './statements.ts'

// The two kinds have the same methods; those of the synchronous kind answer without a promise.
type Db = BaseSQLiteDatabase<'async', unknown>
type SessionsOf = typeof sessions

// A DELETE stops the event loop, where the driver is synchronous.
const batchSizes: BatchSizes = [10, 20]

/**
 * SQLite, through whatever driver `db` has. Throws a TypeError when `table` is not one of SQLite's.
 */
export function sqliteDialect(db: unknown, table: unknown = sessions): Dialect {
  if (!is(table, SQLiteTable)) {
    throw new TypeError('table must be an sqliteTable, as db is of SQLite')
  }
  const sqliteDb = db as Db
  const sessionsTable = table as unknown as SessionsOf
  return {
    isSync: (db as { resultKind?: unknown }).resultKind === 'sync',
    // SQLite's own limit, unless it was compiled with another.
    maxData: 1_000_000_000,
    batchSizes,
    pageSizes: { least: 1, most: pageSize },
    queries: sqliteQueries(sqliteDb, sessionsTable),
    schema: sqliteSchema(sqliteDb, sessionsTable),
  }
}

function sqliteQueries(db: Db, table: SessionsOf): Queries {
  const hasToken = sql`${table.token} = ${bound('token', table.token)}`
  const isLive = sql`${table.expiry} > ${bound('now', table.expiry)}`
  const holds = sql`${table.data} = ${bound('expected', table.data)}`

  const find = reuse(table, () =>
    db
      .select({ data: table.data })
      .from(table)
      .where(and(hasToken, isLive))
      .$withCache(false)
      .prepare(),
  )
  const findWithExpiry = reuse(table, () =>
    db
      .select({ data: table.data, expiry: table.expiry })
      .from(table)
      .where(and(hasToken, isLive))
      .$withCache(false)
      .prepare(),
  )
  // Not INSERT OR REPLACE, which deletes the row first, with its other columns and its child rows.
  const commit = reuse(table, () =>
    db
      .insert(table)
      .values({
        token: sql.placeholder('token'),
        data: sql.placeholder('data'),
        expiry: sql.placeholder('expiry'),
      })
      .onConflictDoUpdate({
        target: table.token,
        set: {
          data: sql`excluded.${sql.identifier(table.data.name)}`,
          expiry: sql`excluded.${sql.identifier(table.expiry.name)}`,
        },
      })
      .prepare(),
  )
  const add = reuse(table, () =>
    db
      .insert(table)
      .values({
        token: sql.placeholder('token'),
        data: sql.placeholder('data'),
        expiry: sql.placeholder('expiry'),
      })
      .onConflictDoNothing({ target: table.token })
      .returning({ token: table.token })
      .prepare(),
  )
  const hasRow = reuse(table, () =>
    db.select({ token: table.token }).from(table).where(hasToken).$withCache(false).prepare(),
  )
  const remove = reuse(table, () => db.delete(table).where(hasToken).prepare())
  const replace = reuse(table, () =>
    db
      .update(table)
      .set({
        token: assigned('newToken', table.token),
        data: assigned('data', table.data),
        expiry: assigned('expiry', table.expiry),
      })
      .where(and(hasToken, holds, isLive))
      .returning({ token: table.token })
      .prepare(),
  )
  const absorb = reuseEach(table, (absorbed) => {
    const { isConcerned, isAbsorbed, isHeld, count } = absorbing(table, absorbed)
    const dead = deadRow(table)
    const held = db.select({ held: sql`count(*)` }).from(table).where(and(isConcerned, isHeld))
    return db
      .update(table)
      .set({
        token: unlessAbsorbed(isAbsorbed, dead.token, 'newToken', table.token),
        data: unlessAbsorbed(isAbsorbed, dead.data, 'data', table.data),
        expiry: unlessAbsorbed(isAbsorbed, dead.expiry, 'expiry', table.expiry),
      })
      .where(and(isConcerned, sql`${held} = ${count}`))
      .returning({ token: table.token })
      .prepare()
  })
  const touch = reuse(table, () =>
    db
      .update(table)
      .set({ expiry: assigned('expiry', table.expiry) })
      .where(and(hasToken, isLive))
      .returning({ token: table.token })
      .prepare(),
  )
  const page = reuse(table, () =>
    db
      .select({ token: table.token, data: table.data })
      .from(table)
      .where(and(gt(table.token, sql.placeholder('after')), isLive))
      .orderBy(asc(table.token))
      .limit(sql.placeholder('most'))
      .$withCache(false)
      .prepare(),
  )
  const isExpired = lte(table.expiry, bound('now', table.expiry))
  // A limit that the planner does not know might cost the statement its index.
  const deleteExpired = reuseEach(table, (most) =>
    db
      .delete(table)
      .where(
        and(
          // DELETE … LIMIT is an option at SQLite's compilation that few have.
          inArray(
            table.token,
            db
              .select({ token: table.token })
              .from(table)
              .where(isExpired)
              .orderBy(asc(table.expiry))
              .limit(most),
          ),
          isExpired,
        ),
      )
      .returning({ token: table.token })
      .prepare(),
  )

  const brief = briefly(db)

  return {
    find: (token, now) => find().get({ token, now }),
    findWithExpiry: (token, now) => findWithExpiry().get({ token, now }),
    commit: (row) => commit().run({ ...row }),
    add: (row) => map(add().all({ ...row }) as Awaitable<unknown[]>, isOne),
    hasRow: (token) => map(hasRow().all({ token }) as Awaitable<unknown[]>, isOne),
    delete: (token) => remove().run({ token }),
    replace: (token, expected, next, now) =>
      map(
        replace().all({ ...next, newToken: next.token, token, expected, now }) as Awaitable<
          unknown[]
        >,
        isOne,
      ),
    absorb({ token, data: expected }, absorbed, next, now) {
      const values = { ...next, newToken: next.token, token, expected, now }
      const statement = absorb(absorbed.length)
      const rows = statement.all({ ...values, ...absorbedValues(absorbed) })
      return map(rows as Awaitable<unknown[]>, isOne)
    },
    touch: (token, expiry, now) =>
      map(touch().all({ token, expiry, now }) as Awaitable<unknown[]>, isOne),
    page: (after, now, most) => page().all({ after, now, most }),
    deleteExpired: (now, most) =>
      map(
        brief(() => deleteExpired(most).all({ now }) as Awaitable<unknown[]>),
        (rows) => rows.length,
      ),
  }
}

function isOne(rows: readonly unknown[]): boolean {
  return rows.length > 0
}

function sqliteSchema(db: Db, table: SessionsOf): SchemaOfTable {
  const config = getTableConfig(table)
  const columnName = columnNamer(db)
  return {
    name: config.name,
    filled: filledColumns(table, columnName),
    // By the rules of affinity (https://sqlite.org/datatype3.html): a column keeps text, bytes or a
    // double as it is.
    expected: {
      token: {
        name: table.token.name,
        type: 'text',
        accepts: (type) => /char|clob|text/.test(type) && !/int/.test(type),
      },
      data: {
        name: table.data.name,
        type: 'blob',
        accepts: (type) => type === '' || /blob/.test(type),
      },
      expiry: {
        name: table.expiry.name,
        type: 'real',
        accepts: (type) => /real|floa|doub/.test(type) && !/int/.test(type),
      },
    },
    async describe() {
      const query = db
        .select({
          name: sql<string>`c.name`,
          type: sql<string>`lower(c.type)`,
          isRequired: sql<number>`c."notnull" and c.dflt_value is null and c.pk = 0 and c.hidden = 0`,
          isUnique: sql<number>`(c.pk = 1 and (select max(pk) from pragma_table_xinfo(${config.name})) = 1)
            or exists (select 1 from pragma_index_list(${config.name}) l where l."unique" and not l.partial
              and (select group_concat(i.name, '/') from pragma_index_info(l.name) i) = c.name)`,
        })
        .from(sql`pragma_table_xinfo(${config.name}) c`)
        .$withCache(false)
      const rows = await whenFree(() => query)
      if (rows.length === 0) return undefined
      return rows.map((row) => ({
        name: row.name,
        type: row.type,
        isRequired: Number(row.isRequired) === 1,
        isUnique: Number(row.isUnique) === 1,
      }))
    },
    defined: async () => definedColumns(config, columnName, (type) => type),
    async create() {
      const { elements, indexes } = tableElements(config, columnName)
      const statements = [
        sql`create table if not exists ${table} (${sql.join(elements, sql`, `)})`,
        ...indexes.map(
          (index) =>
            sql`create ${index.unique}index if not exists ${sql.identifier(index.name)} on ${table} (${index.columns})`,
        ),
      ]
      for (const statement of statements) await whenFree(() => db.run(statement.inlineParams()))
    },
  }
}

// Processes that start together find the file locked; some drivers have no busy timeout, and SQLite
// does not heed it where waiting could be a deadlock. Ten seconds, or as long as the driver waits
// itself.
async function whenFree<T>(run: () => PromiseLike<T>): Promise<T> {
  const end = performance.now() + 10_000
  for (;;) {
    const begun = performance.now()
    try {
      return await run()
    } catch (error) {
      const now = performance.now()
      if (!isLocked(error) || now + (now - begun) > end) throw error
      await delay(20 * (0.5 + Math.random()))
    }
  }
}
