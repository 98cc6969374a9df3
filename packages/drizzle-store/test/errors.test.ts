import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { background, type Swap } from '@scs/core'
import { DrizzleStore } from '@scs/drizzle-store'
import * as mysql from '@scs/drizzle-store/mysql'
import * as pg from '@scs/drizzle-store/pg'
import { sql } from 'drizzle-orm'
import { pgTable } from 'drizzle-orm/pg-core'
import { describe, expect, it } from 'vitest'
import { moved, over } from '../../../test/swaps.ts'
import { createDatabase, isAvailable, openNew, serverUrl } from './databases.ts'
import {
  betterSqlite3,
  type DialectName,
  drivers,
  mysqlConnection,
  mysqlPool,
  nodePostgres,
  oneOfEach,
  postgresJs,
} from './drivers.ts'
import { expectNoSecret, failureOf, otherToken, secret, token } from './no-secret.ts'
import { sessionsOf } from './sessions-of.ts'

const data = Buffer.from(secret)
const future = new Date('2100-01-01')
const ctx = background()

for (const driver of [postgresJs, nodePostgres, mysqlPool]) {
  describe.skipIf(!isAvailable(driver))(`${driver.name}, a database that is down`, () => {
    it('is an error of create, with the code of the network', async () => {
      const url = new URL(serverUrl(driver) ?? '')
      url.port = String(await unusedPort())
      const { db, close } = await driver.open(url.href)
      const error = await failureOf(() => DrizzleStore.create(db))
      expect(error).toMatchObject({
        code: 'ECONNREFUSED',
        message: expect.stringMatching(
          /^DrizzleStore could not look for the table "sessions": .*ECONNREFUSED/,
        ),
      })
      await close()
    })

    it('is an error of every method while it is away, never "no session"; then they work again', async () => {
      const database = await createDatabase(driver)
      const relay = await Relay.start(new URL(database.address))
      const { db, close } = await driver.open(relay.address, 2)
      const store = await DrizzleStore.create(db, { cleanupInterval: 0 })
      await store.commitCtx(ctx, token, data, future)

      await relay.stop()
      for (const call of calls(store)) {
        const error = await failureOf(call)
        expect(error.message).toMatch(/^DrizzleStore could not /)
        expectNoSecret(error)
      }
      await expect(DrizzleStore.create(db)).rejects.toThrow(/^DrizzleStore could not /)

      await relay.resume()
      expect(Buffer.from((await store.findCtx(ctx, token)) ?? '').toString()).toBe(secret)
      await store.commitCtx(ctx, token, Buffer.from('new'), future)
      expect(Buffer.from((await store.findCtx(ctx, token)) ?? '').toString()).toBe('new')
      await close()
      await relay.stop()
      await database.drop()
    })
  })
}

for (const driver of drivers) {
  describe.skipIf(!isAvailable(driver))(driver.name, () => {
    it('a failing query tells its code, and neither token nor data', async () => {
      const { db, run, close } = await openNew(driver)
      const store = await DrizzleStore.create(db, { cleanupInterval: 0 })
      await store.commitCtx(ctx, token, data, future)
      await store.commitCtx(ctx, otherToken, data, future)

      const errors: Error[] = []
      await run(sql`alter table sessions add column extra integer`)
      await run(refusal[driver.dialect])
      errors.push(await failureOf(() => store.commitCtx(ctx, 'new', data, future)))
      expect(errors[0]).toHaveProperty('code')
      await run(sql`alter table sessions rename to away`)
      for (const call of calls(store)) errors.push(await failureOf(call))
      await close()
      for (const call of calls(store)) errors.push(await failureOf(call))

      expect(errors).toHaveLength(1 + 2 * calls(store).length)
      for (const error of errors) {
        expect(error.message).toMatch(/^DrizzleStore could not [a-z ]+: ./)
        expectNoSecret(error)
      }
      expect(errors[1]?.message).toMatch(/sessions/)
    })

    it('a missing table without createTable is an error of create that says what to do', async () => {
      const { db, close } = await openNew(driver)
      await expect(DrizzleStore.create(db, { createTable: false })).rejects.toThrow(
        /the table "sessions" does not exist.*drizzle-kit.*createTable/,
      )
      await close()
    })

    it('bad arguments of commit are refused, and nothing is written', async () => {
      const { db, close } = await openNew(driver)
      const store = await DrizzleStore.create(db, { cleanupInterval: 0 })
      for (const malformed of ['', 'a b', 'a'.repeat(44), 'é', `${token}\0`, 'a=']) {
        const error = await failureOf(() => store.commitCtx(ctx, malformed, data, future))
        expect(error).toBeInstanceOf(TypeError)
        expect(error.message).toMatch(/^token must be/)
        const renaming = () => store.swap(ctx, moved(token, malformed, data, data, future))
        expect(await failureOf(renaming)).toBeInstanceOf(TypeError)
        expect(await store.findCtx(ctx, malformed)).toBeUndefined()
        expect(await store.touch(ctx, malformed, future)).toBe(false)
      }
      for (const expiry of [new Date(Number.NaN), new Date('+010000-01-01T00:00:00Z')]) {
        for (const call of [
          () => store.commitCtx(ctx, token, data, expiry),
          () => store.touch(ctx, token, expiry),
          () => store.swap(ctx, over(token, data, data, expiry)),
        ]) {
          const error = await failureOf(call)
          expect(error).toBeInstanceOf(TypeError)
          expect(error.message).toMatch(/^expiry must be a valid Date/)
        }
      }
      expect((await sessionsOf(store)).size).toBe(0)
      await close()
    })

    it('an expiry long ago is kept as one that has passed', async () => {
      const { db, close } = await openNew(driver)
      const store = await DrizzleStore.create(db, { cleanupInterval: 0 })
      for (const time of [-62_135_596_800_000, -8.64e15, -1, 0]) {
        await store.commitCtx(ctx, token, data, future)
        await store.commitCtx(ctx, token, data, new Date(time))
        expect(await store.findCtx(ctx, token)).toBeUndefined()
        expect(await store.deleteExpired()).toBe(1)
      }
      await close()
    })
  })
}

// A constraint that the rows do not meet, so that the database complains of one with its values.
const refusal = {
  pg: sql`alter table sessions add constraint refusal check (extra is not null) not valid`,
  mysql: sql`create trigger refusal before insert on sessions for each row
    signal sqlstate '45000' set message_text = 'refused with S3CRET-payload-of-a-session'`,
  sqlite: sql`create trigger refusal before insert on sessions
    begin select raise(abort, 'refused with S3CRET-payload-of-a-session'); end`,
}

const wrongTables: Readonly<Record<DialectName, readonly [statement: string, fault: RegExp][]>> = {
  pg: [
    [
      'token text primary key, data bytea',
      /column "expiry" \(timestamp with time zone\) is missing/,
    ],
    [
      'token text primary key, data text, expiry timestamptz',
      /"data" is of type text and must be bytea/,
    ],
    [
      'token text primary key, data bytea, expiry timestamp',
      /"expiry" is of type timestamp without time zone/,
    ],
    ['token text primary key, data bytea, expiry timestamptz(0)', /"expiry" is of type/],
    [
      'token char(43) primary key, data bytea, expiry timestamptz',
      /"token" is of type character\(43\)/,
    ],
    ['token varchar(32) primary key, data bytea, expiry timestamptz', /"token" is of type/],
    ['token text, data bytea, expiry timestamptz', /"token" must be the primary key/],
    [
      'token text, data bytea, expiry timestamptz, n int, primary key (token, n)',
      /"token" must be/,
    ],
    [
      'token text primary key, data bytea, expiry timestamptz, n int not null',
      /"n" must be nullable or have a default/,
    ],
  ],
  mysql: [
    [
      'token char(43) primary key, data mediumblob, expiry datetime(6)',
      /"token" is of type char\(43\) .*must be char\(43\) .*ascii_bin/,
    ],
    [
      'token char(32) collate ascii_bin primary key, data mediumblob, expiry datetime(6)',
      /"token" is of type/,
    ],
    [
      'token char(43) character set ascii collate ascii_bin primary key, data blob, expiry datetime(6)',
      /"data" is of type blob and must be mediumblob/,
    ],
    [
      'token char(43) character set ascii collate ascii_bin primary key, data mediumblob, expiry timestamp(6)',
      /"expiry" is of type timestamp\(6\)/,
    ],
    [
      'token char(43) character set ascii collate ascii_bin primary key, data mediumblob, expiry datetime',
      /"expiry" is of type datetime and/,
    ],
    [
      'token char(43) character set ascii collate ascii_bin, data mediumblob, expiry datetime(6), key (token)',
      /"token" must be the primary key/,
    ],
    [
      'token char(43) character set ascii collate ascii_bin primary key, data mediumblob, expiry datetime(6), n int not null',
      /"n" must be nullable/,
    ],
  ],
  sqlite: [
    ['token text primary key, data blob', /column "expiry" \(real\) is missing/],
    ['token text primary key, data blob, expiry text', /"expiry" is of type text and must be real/],
    ['token text primary key, data text, expiry real', /"data" is of type text/],
    ['token text primary key, data blob, expiry', /"expiry" is of type none and must be real/],
    ['token integer primary key, data blob, expiry real', /"token" is of type integer/],
    ['token text, data blob, expiry real', /"token" must be the primary key/],
    [
      'token text, data blob, expiry real, n, primary key (token, n)',
      /"token" must be the primary key/,
    ],
    ['token text primary key, data blob, expiry real, n integer not null', /"n" must be nullable/],
  ],
}

const rightTables: Readonly<Record<DialectName, readonly string[]>> = {
  pg: [
    'token varchar(43) primary key, data bytea, expiry timestamptz(3), n serial',
    'n int generated always as identity primary key, token varchar not null unique, data bytea not null, expiry timestamptz not null',
  ],
  mysql: [
    'n int auto_increment primary key, token varbinary(64) not null unique, data longblob not null, expiry datetime(3) not null',
    'token char(64) character set utf8mb4 collate utf8mb4_bin primary key, data mediumblob, expiry datetime(6), n int not null default 1',
  ],
  sqlite: [
    'token varchar(43) primary key, data blob, expiry double, n integer not null default 1',
    'n integer primary key, token text unique not null, data blob not null, expiry real not null',
  ],
}

for (const driver of oneOfEach) {
  describe.skipIf(!isAvailable(driver))(driver.name, () => {
    it('a table in which sessions cannot be kept is refused by create, with what is wrong', async () => {
      const { db, run, close } = await openNew(driver)
      for (const [columns, fault] of wrongTables[driver.dialect]) {
        await run(sql.raw(`create table sessions (${columns})`))
        const error = await failureOf(() => DrizzleStore.create(db))
        expect(error.message).toMatch(
          /^DrizzleStore cannot keep sessions in the table "sessions": /,
        )
        expect(error.message).toMatch(fault)
        await run(sql`drop table sessions`)
      }
      await close()
    })

    it('a table of other types that serve as well is accepted', async () => {
      for (const columns of rightTables[driver.dialect]) {
        const { db, run, close } = await openNew(driver)
        await run(sql.raw(`create table sessions (${columns})`))
        const store = await DrizzleStore.create(db, { cleanupInterval: 0 })
        await store.commitCtx(ctx, token, data, future)
        await store.commitCtx(ctx, token, data, future)
        expect(await store.swap(ctx, over(token, data, data, future))).toBe(true)
        expect(await store.findWithExpiry(ctx, token)).toMatchObject({ expiry: future })
        expect([...(await sessionsOf(store)).keys()]).toEqual([token])
        await close()
      }
    })
  })
}

describe('create', () => {
  it('refuses what is no database of Drizzle', async () => {
    for (const db of [undefined, null, {}, 'postgres://', new Map()]) {
      await expect(DrizzleStore.create(db as never)).rejects.toThrow(
        /db must be what drizzle\(\) of drizzle-orm gives/,
      )
    }
  })

  it('refuses a table of another dialect, and what is no table of sessions', async () => {
    const { db, close } = await openNew(betterSqlite3)
    const create = (table: unknown) => DrizzleStore.create(db, { table: table as never })
    await expect(create(pg.sessions)).rejects.toThrow('table must be an sqliteTable')
    await expect(create(pgTable('t', {}))).rejects.toThrow('columns of sessionColumns()')
    await expect(create('sessions')).rejects.toThrow('columns of sessionColumns()')
    await close()
  })

  it.skipIf(!isAvailable(postgresJs))('refuses one of MySQL on PostgreSQL', async () => {
    const { db, close } = await postgresJs.open(serverUrl(postgresJs) ?? '')
    const table = mysql.sessions as never
    await expect(DrizzleStore.create(db, { table })).rejects.toThrow('table must be a pgTable')
    await close()
  })

  it.skipIf(!isAvailable(mysqlPool))('refuses one of PostgreSQL on MySQL', async () => {
    const { db, close } = await mysqlPool.open(serverUrl(mysqlPool) ?? '')
    const table = pg.sessions as never
    await expect(DrizzleStore.create(db, { table })).rejects.toThrow('table must be a mysqlTable')
    await close()
  })
})

describe.skipIf(!isAvailable(mysqlPool))('MySQL', () => {
  it('refuses data that MEDIUMBLOB would cut', async () => {
    const { db, close } = await openNew(mysqlConnection)
    const store = await DrizzleStore.create(db, { cleanupInterval: 0 })
    const error = await failureOf(() => store.commitCtx(ctx, token, Buffer.alloc(2 ** 24), future))
    expect(error).toBeInstanceOf(RangeError)
    expect(error.message).toMatch('16777216 bytes')
    await close()
  })
})

type Row = Swap['absorbed'][number]

function swap(store: DrizzleStore, from: Row | undefined, ...absorbed: Row[]): unknown {
  const to = { token: 'swapped', data: Buffer.from(secret), expiry: future }
  return store.swap(ctx, { from, to, absorbed })
}

function calls(store: DrizzleStore): (() => unknown)[] {
  return [
    () => store.findCtx(ctx, token),
    () => store.findWithExpiry(ctx, token),
    () => store.commitCtx(ctx, token, data, future),
    () => store.swap(ctx, over(token, data, Buffer.from(`${secret}2`), future)),
    () => store.touch(ctx, token, future),
    () => store.swap(ctx, moved(token, 'renamed', data, Buffer.from(secret), future)),
    () => swap(store, { token, data }),
    () => swap(store, undefined),
    () => swap(store, { token, data }, { token: otherToken, data }),
    () => store.deleteCtx(ctx, token),
    () => sessionsOf(store),
    () => store.scan(ctx)[Symbol.asyncIterator]().next(),
    () => store.deleteExpired(),
  ]
}

async function unusedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

// Stands between a driver and its server, so that the server can go away and come back.
class Relay {
  readonly #target: URL
  #server: Server | undefined
  #port = 0
  readonly #sockets = new Set<Socket>()

  static async start(target: URL): Promise<Relay> {
    const relay = new Relay(target)
    await relay.resume()
    return relay
  }

  private constructor(target: URL) {
    this.#target = target
  }

  get address(): string {
    const url = new URL(this.#target)
    url.host = `127.0.0.1:${this.#port}`
    return url.href
  }

  async resume(): Promise<void> {
    this.#server = createServer((client) => {
      const upstream = connect(Number(this.#target.port), this.#target.hostname)
      for (const [from, to] of [
        [client, upstream],
        [upstream, client],
      ] as const) {
        this.#sockets.add(from)
        from.on('error', () => {})
        from.on('close', () => to.destroy())
        from.pipe(to)
      }
    }).listen(this.#port, '127.0.0.1')
    await once(this.#server, 'listening')
    this.#port = (this.#server.address() as AddressInfo).port
  }

  async stop(): Promise<void> {
    const server = this.#server
    if (!server?.listening) return
    server.close()
    for (const socket of this.#sockets) socket.destroy()
    this.#sockets.clear()
    await once(server, 'close')
  }
}
