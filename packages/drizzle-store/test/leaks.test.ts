import { background } from '@scs/core'
import { DrizzleStore } from '@scs/drizzle-store'
import { sql } from 'drizzle-orm'
import { describe, expect, it, onTestFinished } from 'vitest'
import { over } from '../../../test/swaps.ts'
import { isAvailable, openNew } from './databases.ts'
import { type DialectName, drivers, type Opened } from './drivers.ts'
import { expectNoSecret, failureOf, otherToken, secret, token } from './no-secret.ts'

const ctx = background()
const data = Buffer.from(secret)
const future = new Date('2100-01-01')

/** Makes writes fail with an error that tells what was written; gives what takes that away again. */
type Leak = (run: Opened['run']) => Promise<() => Promise<unknown>>

// Each code that the store has a text for, some that it has none for, one that looks like the operating system's, and those of
// which it tries again.
const pgCodes = [
  ...['08006', '0A000', '22P02', '23505', '25006', '25P02', '26000', '28000', '3D000', '3F000'],
  ...['40003', '42501', '42601', '42703', '42P01', '42P05', '53100', '53300', '54000', '55P03'],
  ...['57014', '57P01', '57P02', '57P03', '58000', 'P0001', 'XX000', 'YY999', 'EPIPE', '40001'],
]

const pgTrigger =
  (body: string): Leak =>
  async (run) => {
    await run(
      sql.raw(`create or replace function leak() returns trigger language plpgsql as $$
        declare said text := concat(old.token, ' ', new.token, ' ', encode(new.data, 'escape'));
        begin ${body}; return new; end $$`),
    )
    await run(sql`create or replace trigger leak before insert or update or delete on sessions
      for each row execute function leak()`)
    return () => run(sql`drop trigger leak on sessions`)
  }

const mysqlErrors = [
  ...[1021, 1037, 1040, 1044, 1045, 1046, 1047, 1048, 1049, 1053, 1054, 1062, 1064, 1114, 1129],
  ...[1130, 1142, 1143, 1146, 1153, 1175, 1290, 1292, 1317, 1366, 1406, 1644, 1698, 1792, 1836],
  ...[1927, 1969, 3024, 4031, 9999, 1213],
]

const mysqlTrigger =
  (body: string): Leak =>
  async (run) => {
    const rows = { insert: ['new'], update: ['old', 'new'], delete: ['old'] }
    for (const [event, names] of Object.entries(rows)) {
      const said = names.map((name) => `${name}.token, ' ', ${name}.data`).join(`, ' ', `)
      await run(
        sql.raw(`create or replace trigger leak_${event} before ${event} on sessions
        for each row begin set @said = left(concat(${said}), 60); ${body}; end`),
      )
    }
    return async () => {
      for (const event of Object.keys(rows)) await run(sql.raw(`drop trigger leak_${event}`))
    }
  }

const sqliteTrigger =
  (body: (row: string) => string): Leak =>
  async (run) => {
    const rows = { insert: 'new', update: 'new', delete: 'old' }
    for (const [event, row] of Object.entries(rows)) {
      await run(
        sql.raw(`create trigger leak_${event} before ${event} on sessions
        begin ${body(row)}; end`),
      )
    }
    return async () => {
      for (const event of Object.keys(rows)) await run(sql.raw(`drop trigger leak_${event}`))
    }
  }

const leaks: Readonly<Record<DialectName, readonly Leak[]>> = {
  pg: [
    ...pgCodes.map((code) =>
      pgTrigger(`raise exception '%', said using errcode = '${code}', detail = said, hint = said,
        column = said, constraint = said, datatype = said, table = said, schema = said`),
    ),
    pgTrigger("execute format('select %I', said)"),
    pgTrigger("execute format('select * from %I', said)"),
    pgTrigger("execute format('select %I()', said)"),
    pgTrigger('execute concat(chr(34), said)'),
    pgTrigger('perform said::integer'),
  ],
  mysql: [
    ...mysqlErrors.map((errno) =>
      mysqlTrigger(`signal sqlstate '45000' set mysql_errno = ${errno}, message_text = @said,
        table_name = @said, column_name = @said, constraint_name = @said`),
    ),
    mysqlTrigger("set @said = extractvalue('<a/>', concat('~', @said))"),
    mysqlTrigger('insert into numbers values (@said)'),
  ],
  sqlite: [
    // libsql's SQLite takes no expression there.
    sqliteTrigger(() => `select raise(abort, '${token} ${secret}')`),
    sqliteTrigger(() => `select raise(rollback, 'no such table: ${otherToken}')`),
    sqliteTrigger((row) => `select json_extract('{}', ${row}.token)`),
    sqliteTrigger((row) => `select json_extract('{}', cast(${row}.data as text))`),
    sqliteTrigger((row) => `select * from words where words match ${row}.token`),
  ],
}

/** Columns that the database computes from the others, and cannot. */
const generated: Readonly<Record<DialectName, string>> = {
  pg: `alter table sessions add column extra integer
    generated always as (length(encode(data, 'escape')::json ->> 'a')) stored`,
  mysql: `alter table sessions add column extra integer
    generated always as (cast(convert(data using utf8mb4) as integer)) stored`,
  sqlite: `alter table sessions add column extra as (json_extract('{}', token)) check (extra > 0)`,
}

for (const driver of drivers) {
  describe.skipIf(!isAvailable(driver))(driver.name, () => {
    it('no trigger or computed column gets a token or data into an error', {
      timeout: 120_000,
    }, async () => {
      const { db, run, close } = await openNew(driver)
      onTestFinished(close)
      const store = await DrizzleStore.create(db, { cleanupInterval: 0 })
      await store.commitCtx(ctx, token, data, future)
      await run(sql`create table numbers (n integer)`)
      if (driver.dialect === 'sqlite') {
        await run(sql`create virtual table words using fts5(word)`)
      }

      const errors: Error[] = []
      for (const leak of leaks[driver.dialect]) {
        const end = await leak(run)
        expect(await wordsOfTheDriver(run, driver.dialect)).toContain('T0KEN')
        for (const write of writes(store)) {
          errors.push(await failureOf(write))
        }
        await end()
      }
      await run(sql.raw(generated[driver.dialect])).then(
        async () =>
          errors.push(await failureOf(() => store.commitCtx(ctx, otherToken, data, future))),
        // SQLite and MariaDB may refuse the column, because of the rows that are there.
        () => {},
      )
      for (const error of errors) {
        expect(error.message).toMatch(/^DrizzleStore could not [a-z]+ a session: ./)
        expectNoSecret(error)
      }
      expect(new Set(errors.map(({ message }) => message)).size).toBeGreaterThan(4)
    })
  })
}

// So that a trigger that gives nothing away is not taken for a store that does not.
async function wordsOfTheDriver(run: Opened['run'], dialect: DialectName): Promise<string> {
  const values = {
    pg: `'${secret}', now()`,
    mysql: `'${secret}', now()`,
    sqlite: `cast('${secret} ${token}' as blob), 1.0`,
  }
  const statement = sql.raw(`insert into sessions (token, data, expiry)
    values ('${otherToken}', ${values[dialect]})`)
  const { cause } = await failureOf(() => run(statement))
  return cause instanceof Error ? cause.message : ''
}

function writes(store: DrizzleStore): readonly (() => unknown)[] {
  return [
    () => store.commitCtx(ctx, otherToken, data, future),
    () => store.swap(ctx, over(token, data, Buffer.from(`${secret}2`), future)),
    () => store.deleteCtx(ctx, token),
  ]
}
