import { hour, JsonCodec } from '@scs/core'
import type { DatabaseName, OpenStore } from './open-store.ts'

const tail = 'x'.repeat(27)
const keySpace = 2 ** 48

/** The token of row `n` of `count`: tokens are spread evenly, and sort as they are numbered. */
export function tokenOf(n: number, count: number): string {
  return (n * stepOf(count)).toString(16).padStart(16, '0') + tail
}

/** A session of about 100 bytes. */
export const sessionBytes = new JsonCodec().encode(
  new Date(Date.now() + 1000 * hour),
  new Map(Object.entries({ name: 'Ann Example', userID: 48_151, flash: 'Saved.' })),
)

/** Writes rows 1 to `count`, by the database itself; with `halfExpired` every other one has expired, at a time of its own. */
export async function fill(
  database: DatabaseName,
  { run }: OpenStore,
  count: number,
  halfExpired = false,
): Promise<void> {
  const { before, rows, after } = statements[database]
  const hex = Buffer.from(sessionBytes).toString('hex')
  await run(before)
  await run(rows(count, stepOf(count), hex, halfExpired))
  for (const statement of after) await run(statement)
}

interface Statements {
  /** Drops the index, which is quicker to make of all rows than row by row. */
  readonly before: string
  readonly rows: (count: number, step: number, hex: string, halfExpired: boolean) => string
  readonly after: readonly string[]
}

// Minutes from now, in no order: of live sessions 100,000 to 200,000, of expired ones as many before now.
const minutes = (n: string, halfExpired: boolean) =>
  `(100000 + (${n} * 7919) % 100000${halfExpired ? ` - 300000 * (${n} % 2)` : ''})`

const statements: Readonly<Record<DatabaseName, Statements>> = {
  postgres: {
    before: 'drop index sessions_expiry_idx',
    rows: (count, step, hex, half) => `
      insert into sessions (token, data, expiry)
      select lpad(to_hex(n * ${step}), 16, '0') || '${tail}', '\\x${hex}',
        now() + ${minutes('n', half)} * interval '1 minute'
      from generate_series(1::bigint, ${count}) n`,
    after: [
      'create index sessions_expiry_idx on sessions (expiry)',
      'vacuum analyze sessions',
      'checkpoint',
    ],
  },
  mariadb: {
    before: 'drop index sessions_expiry_idx on sessions',
    rows: (count, step, hex, half) => `
      insert into sessions (token, data, expiry)
      select concat(lower(lpad(hex(seq * ${step}), 16, '0')), '${tail}'), x'${hex}',
        utc_timestamp(6) + interval ${minutes('cast(seq as signed)', half)} minute
      from seq_1_to_${count}`,
    after: ['create index sessions_expiry_idx on sessions (expiry)', 'analyze table sessions'],
  },
  sqlite: {
    before: 'drop index sessions_expiry_idx',
    rows: (count, step, hex, half) => `
      insert into sessions (token, data, expiry)
      with recursive numbers (n) as (select 1 union all select n + 1 from numbers where n < ${count})
      select printf('%016x', n * ${step}) || '${tail}', x'${hex}',
        julianday('now') + ${minutes('n', half)} / 1440.0
      from numbers`,
    after: ['create index sessions_expiry_idx on sessions (expiry)', 'analyze'],
  },
}

function stepOf(count: number): number {
  return Math.floor(keySpace / count)
}
