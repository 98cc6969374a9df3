import { type Column, getTableColumns, type Param, type SQL, sql, type Table } from 'drizzle-orm'

/** A value that is given when the statement runs, encoded as `column` encodes it. */
export function bound(name: string, column: Column): Param {
  return sql.param(sql.placeholder(name), column)
}

/** The new value of `column` in an UPDATE, given when the statement runs. */
export function assigned(name: string, column: Column): SQL {
  return sql`${bound(name, column)}`
}

/**
 * The names, by `columnName`, of columns that Drizzle fills in by a function of the user's
 * (`$defaultFn`, `$onUpdate`).
 */
export function filledColumns(
  table: Table,
  columnName: (column: Column) => string,
): ReadonlySet<string> {
  return new Set(Object.values(getTableColumns(table)).filter(isFilled).map(columnName))
}

/**
 * Builds a statement at its first use, as some drivers compile it then and the table must exist,
 * and keeps it. A table with functions of the user's in its columns (`$defaultFn`, `$onUpdate`)
 * gets a new statement each time: Drizzle calls them while it builds, and two rows must not share a
 * value.
 */
export function reuse<T>(table: Table, build: () => T): () => T {
  if (Object.values(getTableColumns(table)).some(isFilled)) return build
  let built: T | undefined
  return () => {
    built ??= build()
    return built
  }
}

/** As {@link reuse}, of a statement that has a number in it: one statement for each number. */
export function reuseEach<T>(table: Table, build: (number: number) => T): (number: number) => T {
  const statements = new Map<number, () => T>()
  return (number) => {
    const statement = statements.get(number) ?? reuse(table, () => build(number))
    statements.set(number, statement)
    return statement()
  }
}

function isFilled(column: Column): boolean {
  return column.defaultFn !== undefined || column.onUpdateFn !== undefined
}
