import { and, asc, gt, is, lte, sql } from 'drizzle-orm'
import {
  getTableConfig,
  type MySqlDatabase,
  type MySqlQueryResultHKT,
  MySqlTable,
  type PreparedQueryHKTBase,
} from 'drizzle-orm/mysql-core'
import { absorbedValues, absorbing, deadRow, unlessAbsorbed } from './absorbing.ts'
import { columnNamer, tableElements } from './create-table.ts'
import { definedColumns } from './defined-columns.ts'
import {
  type BatchSizes,
  type Dialect,
  pageSize,
  type Queries,
  type SchemaOfTable,
  type StatementLimit,
} from './dialect.ts'
import { sessions } from './mysql.ts'
import { assigned, bound, filledColumns, reuse, reuseEach } from './statements.ts'

type Db = MySqlDatabase<MySqlQueryResultHKT, PreparedQueryHKTBase>
type SessionsOf = typeof sessions

const batchSizes: BatchSizes = [100, 500, 2_500]

/**
 * MySQL and MariaDB, through whatever driver `db` has. Throws a TypeError when `table` is not one
 * of MySQL's.
 */
export function mysqlDialect(db: unknown, table: unknown = sessions): Dialect {
  if (!is(table, MySqlTable)) throw new TypeError('table must be a mysqlTable, as db is of MySQL')
  const mysqlDb = db as Db
  const sessionsTable = table as unknown as SessionsOf
  return {
    isSync: false,
    // What MEDIUMBLOB holds. Outside of strict mode, MySQL would cut what is longer.
    maxData: 2 ** 24 - 1,
    statementLimit: () => statementLimit(mysqlDb),
    batchSizes,
    pageSizes: { least: pageSize, most: pageSize },
    queries: mysqlQueries(mysqlDb, sessionsTable),
    schema: mysqlSchema(mysqlDb, sessionsTable),
  }
}

// A longer packet has the server close the connection, which is the end of one that is not a
// pool's. Bytes are sent as hexadecimal text, two characters each; the rest of a statement is well
// below 2 KB.
async function statementLimit(db: Db): Promise<StatementLimit> {
  const [row] = await db
    .select({ packet: sql<number>`packet` })
    .from(sql`(select @@max_allowed_packet as packet) as setting`)
    .$withCache(false)
  const packet = Number(row?.packet)
  return { data: (packet - 2048) / 2, setting: `max_allowed_packet of ${packet} bytes` }
}

function mysqlQueries(db: Db, table: SessionsOf): Queries {
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
  const commit = reuse(table, () =>
    db
      .insert(table)
      .values({
        token: sql.placeholder('token'),
        data: sql.placeholder('data'),
        expiry: sql.placeholder('expiry'),
      })
      // MariaDB does not know the row alias that MySQL 8.0.20 recommends in place of VALUES().
      .onDuplicateKeyUpdate({
        set: {
          data: sql`values(${sql.identifier(table.data.name)})`,
          expiry: sql`values(${sql.identifier(table.expiry.name)})`,
        },
      })
      .prepare(),
  )
  // Not INSERT IGNORE, which cuts a long token, nor ON DUPLICATE KEY UPDATE, which does not tell
  // whether it has added a row.
  const add = reuse(table, () =>
    db
      .insert(table)
      .values({
        token: sql.placeholder('token'),
        data: sql.placeholder('data'),
        expiry: sql.placeholder('expiry'),
      })
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
      .prepare(),
  )
  // Locks all rows, and writes when there are as many as there must be. `token` is assigned first,
  // and later CASEs see the new one: they ask whether it is one of the absorbed.
  const absorb = reuseEach(table, (absorbed) => {
    const { isConcerned, isAbsorbed, isHeld, count } = absorbing(table, absorbed)
    const dead = deadRow(table)
    const held = db
      .select({ held: sql<number>`count(*)`.as('held') })
      .from(table)
      .where(and(isConcerned, isHeld))
      .for('update')
      .as('scs_held')
    return db
      .update(table)
      .set({
        token: unlessAbsorbed(isAbsorbed, dead.token, 'newToken', table.token),
        data: unlessAbsorbed(isAbsorbed, dead.data, 'data', table.data),
        expiry: unlessAbsorbed(isAbsorbed, dead.expiry, 'expiry', table.expiry),
      })
      .where(and(isConcerned, sql`(select held from ${held}) = ${count}`))
      .orderBy(asc(table.token))
      .prepare()
  })
  const touch = reuse(table, () =>
    db
      .update(table)
      .set({ expiry: assigned('expiry', table.expiry) })
      .where(and(hasToken, isLive))
      .prepare(),
  )
  const hasExpiry = sql`${table.expiry} = ${bound('expiry', table.expiry)}`
  const isThere = reuse(table, () =>
    db
      .select({ token: table.token })
      .from(table)
      .where(and(hasToken, isLive))
      .$withCache(false)
      .prepare(),
  )
  const wasReplaced = reuse(table, () =>
    db
      .select({ token: table.token })
      .from(table)
      .where(and(hasToken, hasExpiry, isLive, holds))
      .$withCache(false)
      .prepare(),
  )
  const page = reuse(table, () =>
    db
      .select({ token: table.token, data: table.data })
      .from(table)
      .where(and(gt(table.token, sql.placeholder('after')), isLive))
      .orderBy(asc(table.token))
      .limit(pageSize)
      .$withCache(false)
      .prepare(),
  )
  // One statement, as a transaction on a single connection would take the application's own
  // statements into it. The join, in this order, locks no other row; for an IN with a subquery
  // MariaDB 10.11 looks at the whole table.
  const deleteExpired = (now: Date, most: number) => {
    const expired = db
      .select({ token: table.token })
      .from(table)
      .where(lte(table.expiry, now))
      .orderBy(asc(table.expiry))
      .limit(most)
      // Of several cleaning processes none waits for another.
      .for('update', { skipLocked: true })
      .as('expired')
    return db.execute(
      sql`${unsafely} ${table} from ${expired} straight_join ${table} on ${table.token} = ${expired.token}`,
    )
  }

  return {
    find: async (token, now) => (await find().execute({ token, now }))[0],
    findWithExpiry: async (token, now) => (await findWithExpiry().execute({ token, now }))[0],
    commit: (row) => commit().execute({ ...row }),
    async add(row) {
      await add().execute({ ...row })
      return true
    },
    hasRow: async (token) => (await hasRow().execute({ token })).length > 0,
    delete: (token) => remove().execute({ token }),
    // A connection without the flag FOUND_ROWS counts only rows that changed. An UPDATE that
    // changes nothing has found its row only if the row was already as asked for, and that can be
    // seen afterwards as well.
    async replace(token, expected, next, now) {
      const values = { ...next, newToken: next.token, token, expected, now }
      if (affectedRows(await replace().execute(values)) > 0) return true
      if (next.token !== token || Buffer.compare(expected, next.data) !== 0) return false
      return (await wasReplaced().execute(values)).length > 0
    },
    // An absorbed row always changes, so that a connection without FOUND_ROWS counts it as well.
    async absorb({ token, data: expected }, absorbed, next, now) {
      const values = { ...next, newToken: next.token, token, expected, now }
      const statement = absorb(absorbed.length)
      return affectedRows(await statement.execute({ ...values, ...absorbedValues(absorbed) })) > 0
    },
    async touch(token, expiry, now) {
      const values = { token, expiry, now }
      if (affectedRows(await touch().execute(values)) > 0) return true
      // A touch that comes in between has done the same.
      return (await isThere().execute(values)).length > 0
    },
    page: (after, now) => page().execute({ after, now }),
    deleteExpired: async (now, most) => affectedRows(await deleteExpired(now, most)),
  }
}

// `sql_safe_updates` refuses a DELETE that reads a derived table, however few rows that has.
// MariaDB and MySQL each take one of these, for this statement alone, and to the other it is a
// comment.
const unsafely = sql.raw(
  '/*M!100100 set statement sql_safe_updates = 0 for */ delete /*+ set_var(sql_safe_updates = 0) */',
)

// What mysql2 gives of a statement without rows: a header, and no fields.
function affectedRows(result: unknown): number {
  return (result as readonly [{ readonly affectedRows: number }])[0].affectedRows
}

function mysqlSchema(db: Db, table: SessionsOf): SchemaOfTable {
  const config = getTableConfig(table)
  const columnName = columnNamer(db)
  const schemaName = config.schema === undefined ? sql`database()` : sql`${config.schema}`
  return {
    name: `${config.schema === undefined ? '' : `${config.schema}.`}${config.name}`,
    filled: filledColumns(table, columnName),
    expected: {
      token: {
        name: table.token.name,
        type: sessions.token.getSQLType(),
        accepts: (type) =>
          isAtLeast(type, /^(?:var)?char\((\d+)\) .*_bin$/, 43) ||
          isAtLeast(type, /^varbinary\((\d+)\)/, 43),
      },
      data: {
        name: table.data.name,
        type: sessions.data.getSQLType(),
        accepts: (type) => /^(?:medium|long)blob\b/.test(type),
      },
      expiry: {
        name: table.expiry.name,
        type: sessions.expiry.getSQLType(),
        accepts: (type) => isAtLeast(type, /^datetime\((\d)\)/, 3),
      },
    },
    async describe() {
      const here = sql`table_schema = ${schemaName} and table_name = ${config.name}`
      const rows = await db
        .select({
          name: sql<string>`c.column_name`,
          type: sql<string>`lower(concat_ws(' ', c.column_type, c.collation_name))`,
          isRequired: sql<number>`c.is_nullable = 'NO' and c.column_default is null
            and c.extra not like '%auto_increment%' and c.extra not like '%generated%'`,
          isUnique: sql<number>`exists (select 1 from information_schema.statistics s where ${here} and s.non_unique = 0
            and s.sub_part is null group by s.index_name
            having count(*) = 1 and max(s.column_name) = c.column_name)`,
        })
        .from(sql`information_schema.columns c`)
        .where(here)
        .$withCache(false)
      if (rows.length === 0) return undefined
      return rows.map((row) => ({
        name: row.name,
        type: row.type,
        isRequired: Number(row.isRequired) === 1,
        isUnique: Number(row.isUnique) === 1,
      }))
    },
    async defined() {
      const [defaults] = await db
        .select({ collation: sql<string>`default_collation_name` })
        .from(sql`information_schema.schemata`)
        .where(sql`schema_name = ${schemaName}`)
        .$withCache(false)
      return definedColumns(config, columnName, (type) => typeAsTold(type, defaults?.collation))
    },
    async create() {
      const { elements, indexes } = tableElements(config, columnName)
      // MySQL has no CREATE INDEX IF NOT EXISTS.
      for (const index of indexes) {
        elements.push(sql`${index.unique}index ${sql.identifier(index.name)} (${index.columns})`)
      }
      await db.execute(
        sql`create table if not exists ${table} (${sql.join(elements, sql`, `)})`.inlineParams(),
      )
    },
  }
}

// As column_type and collation_name tell of it. A character set without a collation has a default
// that is never `_bin`.
function typeAsTold(type: string, collation = ''): string {
  const [plain = '', own] = type.split(/ (?:character set|charset|collate) /, 2)
  if (!/^(?:var)?char\b/.test(plain)) return plain
  const named = / collate (\S+)/.exec(type)?.[1]
  return `${plain} ${named ?? own ?? collation}`
}

function isAtLeast(type: string, pattern: RegExp, least: number): boolean {
  const match = pattern.exec(type)
  return match !== null && Number(match[1]) >= least
}
