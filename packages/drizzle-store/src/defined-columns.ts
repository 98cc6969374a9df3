import { type Column, is, SQL } from 'drizzle-orm'
import type { DefinedColumn, TableConfig } from './create-table.ts'
import type { DatabaseColumn } from './dialect.ts'

/**
 * The columns that a table of this definition would have, as the database would tell of them.
 * `typeOf` spells a column's type as the database does.
 */
export function definedColumns(
  config: TableConfig,
  columnName: (column: Column) => string,
  typeOf: (definition: string) => string,
): readonly DatabaseColumn[] {
  return config.columns.map((column) => ({
    name: columnName(column),
    type: typeOf(column.getSQLType().toLowerCase()),
    isRequired: column.notNull && !column.hasDefault && column.generated === undefined,
    isUnique: isUnique(column, config),
  }))
}

function isUnique(column: DefinedColumn, config: TableConfig): boolean {
  const isAlone = (columns: readonly unknown[]) =>
    columns.length === 1 && !is(columns[0], SQL) && (columns[0] as Column).name === column.name
  return (
    column.primary ||
    column.isUnique ||
    config.uniqueConstraints.some(({ columns }) => isAlone(columns)) ||
    config.indexes.some(
      ({ config: index }) => index.unique && index.where === undefined && isAlone(index.columns),
    )
  )
}
