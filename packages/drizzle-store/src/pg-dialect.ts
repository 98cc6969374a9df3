import { createHash } from 'node:crypto'
import { and, asc, gt, inArray, is, lte, sql } from 'drizzle-orm'
import {
  getTableConfig,
  type PgDatabase,
  type PgQueryResultHKT,
  PgTable,
} from 'drizzle-orm/pg-core'
import { absorbedValues, absorbing } from './absorbing.ts'
import { columnNamer, tableElements } from './create-table.ts'
import { definedColumns } from './defined-columns.ts'
import {
  type BatchSizes,
  type Dialect,
  pageSize,
  type Queries,
  type SchemaOfTable,
} from './dialect.ts'
import { sessions } from './pg.ts'
import { assigned, bound, filledColumns, reuse, reuseEach } from './statements.ts'

type Db = PgDatabase<PgQueryResultHKT>
type SessionsOf = typeof sessions

const batchSizes: BatchSizes = [100, 500, 2_500]

/**
 * PostgreSQL, through whatever driver `db` has. Throws a TypeError when `table` is not one of
 * PostgreSQL's.
 *
 * @param prepares whether statements are kept by the connection, under a name
 */
export function pgDialect(db: unknown, table: unknown = sessions, prepares = true): Dialect {
  if (!is(table, PgTable)) throw new TypeError('table must be a pgTable, as db is of PostgreSQL')
  const pgDb = db as Db
  const sessionsTable = table as unknown as SessionsOf
  return {
    isSync: false,
    maxData: 2 ** 30 - 1,
    batchSizes,
    pageSizes: { least: pageSize, most: pageSize },
    queries: pgQueries(pgDb, sessionsTable, prepares ? nameOf : () => undefined),
    schema: pgSchema(pgDb, sessionsTable),
  }
}

type NameOf = (statement: string) => string | undefined

function pgQueries(db: Db, table: SessionsOf, name: NameOf): Queries {
  // Without a name, Drizzle keeps what it has built, and the connection keeps nothing.
  const prepare = <P>(query: Preparable<P>): P => query.prepare(name(query.toSQL().sql))
  const hasToken = sql`${table.token} = ${bound('token', table.token)}`
  const isLive = sql`${table.expiry} > ${bound('now', table.expiry)}`
  const holds = sql`${table.data} = ${bound('expected', table.data)}`
  // A Date of the driver's would depend on the session's DateStyle and TimeZone.
  const expiry = sql`round(extract(epoch from ${table.expiry}) * 1000)`.mapWith(
    (milliseconds: unknown) => new Date(Number(milliseconds)),
  )

  const find = reuse(table, () =>
    prepare(
      db.select({ data: table.data }).from(table).where(and(hasToken, isLive)).$withCache(false),
    ),
  )
  const findWithExpiry = reuse(table, () =>
    prepare(
      db
        .select({ data: table.data, expiry })
        .from(table)
        .where(and(hasToken, isLive))
        .$withCache(false),
    ),
  )
  const commit = reuse(table, () =>
    prepare(
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
        }),
    ),
  )
  const add = reuse(table, () =>
    prepare(
      db
        .insert(table)
        .values({
          token: sql.placeholder('token'),
          data: sql.placeholder('data'),
          expiry: sql.placeholder('expiry'),
        })
        .onConflictDoNothing({ target: table.token })
        .returning({ token: table.token }),
    ),
  )
  const hasRow = reuse(table, () =>
    prepare(db.select({ token: table.token }).from(table).where(hasToken).$withCache(false)),
  )
  const remove = reuse(table, () => prepare(db.delete(table).where(hasToken)))
  const replace = reuse(table, () =>
    prepare(
      db
        .update(table)
        .set({
          token: assigned('newToken', table.token),
          data: assigned('data', table.data),
          expiry: assigned('expiry', table.expiry),
        })
        .where(and(hasToken, holds, isLive))
        .returning({ token: table.token }),
    ),
  )
  // Locks all rows, in the order of their tokens, and writes when there are as many as there must
  // be.
  const absorb = reuseEach(table, (absorbed) => {
    const { isAbsorbed, isHeld, count } = absorbing(table, absorbed)
    const locked = db
      .$with('scs_locked')
      .as(
        db
          .select({ token: table.token })
          .from(table)
          .where(isHeld)
          .orderBy(asc(table.token))
          .for('update'),
      )
    const areAll = sql`(select count(*) from ${locked}) = ${count}`
    const gone = db
      .$with('scs_gone')
      .as(db.delete(table).where(and(isAbsorbed, areAll)).returning({ token: table.token }))
    return prepare(
      db
        .with(locked, gone)
        .update(table)
        .set({
          token: assigned('newToken', table.token),
          data: assigned('data', table.data),
          expiry: assigned('expiry', table.expiry),
        })
        .where(and(hasToken, areAll))
        .returning({ token: table.token }),
    )
  })
  const touch = reuse(table, () =>
    prepare(
      db
        .update(table)
        .set({ expiry: assigned('expiry', table.expiry) })
        .where(and(hasToken, isLive))
        .returning({ token: table.token }),
    ),
  )
  const page = reuse(table, () =>
    prepare(
      db
        .select({ token: table.token, data: table.data })
        .from(table)
        .where(and(gt(table.token, sql.placeholder('after')), isLive))
        .orderBy(asc(table.token))
        .limit(pageSize)
        .$withCache(false),
    ),
  )
  const isExpired = lte(table.expiry, bound('now', table.expiry))
  // A limit that the planner does not know might cost the statement its index.
  const deleteExpired = reuseEach(table, (most) =>
    prepare(
      db
        .delete(table)
        .where(
          and(
            inArray(
              table.token,
              db
                .select({ token: table.token })
                .from(table)
                .where(isExpired)
                .orderBy(asc(table.expiry))
                .limit(most)
                // Of several cleaning processes none waits for another.
                .for('update', { skipLocked: true }),
            ),
            isExpired,
          ),
        )
        .returning({ token: table.token }),
    ),
  )

  return {
    find: async (token, now) => (await find().execute({ token, now }))[0],
    findWithExpiry: async (token, now) => (await findWithExpiry().execute({ token, now }))[0],
    commit: (row) => commit().execute({ ...row }),
    add: async (row) => (await add().execute({ ...row })).length > 0,
    hasRow: async (token) => (await hasRow().execute({ token })).length > 0,
    delete: (token) => remove().execute({ token }),
    replace: async (token, expected, next, now) =>
      (await replace().execute({ ...next, newToken: next.token, token, expected, now })).length > 0,
    async absorb({ token, data: expected }, absorbed, next, now) {
      const values = { ...next, newToken: next.token, token, expected, now }
      const rows = await absorb(absorbed.length).execute({ ...values, ...absorbedValues(absorbed) })
      return rows.length > 0
    },
    touch: async (token, expiry, now) => (await touch().execute({ token, expiry, now })).length > 0,
    page: (after, now) => page().execute({ after, now }),
    deleteExpired: async (now, most) => (await deleteExpired(most).execute({ now })).length,
  }
}

interface Preparable<P> {
  toSQL(): { sql: string }
  prepare(name: string | undefined): P
}

// On one connection, node-postgres wants one name for one statement.
function nameOf(statement: string): string {
  return `scs_${createHash('sha256').update(statement).digest('hex').slice(0, 32)}`
}

function pgSchema(db: Db, table: SessionsOf): SchemaOfTable {
  const config = getTableConfig(table)
  const name = [config.schema, config.name]
    .filter((part) => part !== undefined)
    .map((part) => `"${part.replaceAll('"', '""')}"`)
    .join('.')
  const columnName = columnNamer(db)
  return {
    name: `${config.schema === undefined ? '' : `${config.schema}.`}${config.name}`,
    filled: filledColumns(table, columnName),
    expected: {
      token: {
        name: table.token.name,
        type: 'text',
        accepts: (type) =>
          type === 'text' || isAtLeast(type, /^character varying(?:\((\d+)\))?$/, 43),
      },
      data: { name: table.data.name, type: 'bytea', accepts: (type) => type === 'bytea' },
      expiry: {
        name: table.expiry.name,
        type: 'timestamp with time zone',
        accepts: (type) => isAtLeast(type, /^timestamp(?:\((\d)\))? with time zone$/, 3),
      },
    },
    async describe() {
      const rows = await db
        .select({
          name: sql<string>`a.attname`,
          type: sql<string>`format_type(a.atttypid, a.atttypmod)`,
          isRequired: sql<boolean>`a.attnotnull and not a.atthasdef and a.attidentity = ''`,
          isUnique: sql<boolean>`exists (select 1 from pg_index i where i.indrelid = a.attrelid and i.indisunique
            and i.indisvalid and i.indpred is null and i.indnkeyatts = 1 and i.indkey[0] = a.attnum)`,
        })
        .from(sql`pg_attribute a`)
        .where(sql`a.attrelid = to_regclass(${name}) and a.attnum > 0 and not a.attisdropped`)
        .$withCache(false)
      return rows.length > 0 ? rows : undefined
    },
    defined: async () => definedColumns(config, columnName, typeAsTold),
    async create() {
      const { elements, indexes } = tableElements(config, columnName)
      const statements = indexes.map(
        (index) =>
          sql`create ${index.unique}index ${sql.identifier(index.name)} on ${table} (${index.columns});`,
      )
      // One statement is one transaction, on any driver. `if not exists` alone races in the
      // catalog, and postgres.js prints its notice; the lock ends with the transaction. Its number
      // is "scs" in ASCII.
      const block = sql`do $scs$ begin
        perform pg_advisory_xact_lock(7562099);
        if to_regclass(${name}) is null then
          create table ${table} (${sql.join(elements, sql`, `)});
          ${sql.join(statements)}
        end if;
      end $scs$`
      await db.execute(block.inlineParams())
    },
  }
}

// As format_type() spells it.
function typeAsTold(type: string): string {
  return type
    .replace(/\s+\(/, '(')
    .replace(/^varchar\b/, 'character varying')
    .replace(/^char\b/, 'character')
    .replace(/^timestamptz(\(\d\))?$/, 'timestamp$1 with time zone')
    .replace(/^timestamp(\(\d\))?$/, 'timestamp$1 without time zone')
}

function isAtLeast(type: string, pattern: RegExp, least: number): boolean {
  const match = pattern.exec(type)
  return match !== null && (match[1] === undefined || Number(match[1]) >= least)
}
