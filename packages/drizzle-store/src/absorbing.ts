import { and, type Column, inArray, or, type SQL, sql } from 'drizzle-orm'
import type { HeldRow } from './dialect.ts'
import { bound } from './statements.ts'

/** The three columns of the store, of any dialect. */
export interface Columns {
  readonly token: Column
  readonly data: Column
  readonly expiry: Column
}

/** The conditions of a swap that absorbs so many rows. */
export interface Absorbing {
  /** A row that is to be written or absorbed. */
  readonly isConcerned: SQL
  /** A row that is to be absorbed. */
  readonly isAbsorbed: SQL
  /** One of these rows while it is live and holds its bytes. */
  readonly isHeld: SQL
  /** How many rows that must be. */
  readonly count: SQL
}

/** Conditions on `columns`, for a swap that absorbs `count` rows: one statement for each count. */
export function absorbing(columns: Columns, count: number): Absorbing {
  const rows = Array.from({ length: count }, (_, index) => index)
  const tokens = rows.map((index) => bound(`absorbed${index}`, columns.token))
  const isRow = (token: string, data: string) =>
    sql`(${columns.token} = ${bound(token, columns.token)} and ${columns.data} = ${bound(data, columns.data)})`
  const isAny = or(
    isRow('token', 'expected'),
    ...rows.map((index) => isRow(`absorbed${index}`, `absorbedData${index}`)),
  )
  return {
    isConcerned: inArray(columns.token, [bound('token', columns.token), ...tokens]),
    isAbsorbed: inArray(columns.token, tokens),
    isHeld: and(sql`${columns.expiry} > ${bound('now', columns.expiry)}`, isAny) as SQL,
    // Not a parameter: some drivers would send it as text.
    count: sql.raw(String(count + 1)),
  }
}

/** The values of the placeholders of {@link absorbing}. */
export function absorbedValues(absorbed: readonly HeldRow[]): Record<string, unknown> {
  return Object.fromEntries(
    absorbed.flatMap(({ token, data }, index) => [
      [`absorbed${index}`, token],
      [`absorbedData${index}`, data],
    ]),
  )
}

/**
 * The new value of a column where absorbed rows stay in the table: there `dead`, elsewhere the
 * value that is given when the statement runs.
 */
export function unlessAbsorbed(isAbsorbed: SQL, dead: SQL, name: string, column: Column): SQL {
  return sql`case when ${isAbsorbed} then ${dead} else ${bound(name, column)} end`
}

// The earliest date that all databases have, and not now: a clock that is behind would still find
// the row.
const longAgo = new Date(Date.UTC(1000, 0, 1))

/**
 * What an absorbed row becomes where it stays in the table: no session, which the cleanup removes.
 */
export function deadRow(columns: Columns): Readonly<Record<keyof Columns, SQL>> {
  return {
    token: sql`${columns.token}`,
    data: sql`${sql.param(new Uint8Array(0), columns.data)}`,
    expiry: sql`${sql.param(longAgo, columns.expiry)}`,
  }
}
