import { type Column, is, SQL, sql, type Table } from 'drizzle-orm'

/** What `getTableConfig` tells of a table, as far as all dialects tell it alike. */
export interface TableConfig {
  readonly name: string
  readonly columns: readonly DefinedColumn[]
  readonly indexes: readonly { readonly config: IndexConfig }[]
  readonly foreignKeys: readonly ForeignKey[]
  readonly checks: readonly { readonly name: string; readonly value: SQL }[]
  readonly primaryKeys: readonly unknown[]
  readonly uniqueConstraints: readonly UniqueConstraint[]
  readonly enableRLS?: boolean
  readonly policies?: readonly unknown[]
}

/** A column; the flags are of single dialects. */
export type DefinedColumn = Column & {
  readonly autoIncrement?: boolean
  readonly hasOnUpdateNow?: boolean
}

interface UniqueConstraint {
  readonly columns: readonly Column[]
  getName(): string | undefined
}

interface ForeignKey {
  readonly onDelete: string | undefined
  readonly onUpdate: string | undefined
  reference(): { readonly columns: readonly Column[]; readonly foreignColumns: readonly Column[] }
  getName(): string
}

interface IndexConfig {
  readonly name?: string | undefined
  readonly columns: readonly unknown[]
  readonly unique?: boolean | undefined
  readonly where?: SQL | undefined
  readonly method?: string
  readonly using?: string
}

/** An index to create. */
export interface NewIndex {
  readonly name: string
  /** `unique `, or nothing. */
  readonly unique: SQL
  readonly columns: SQL
}

/** The table's definition has something that the store cannot create, or cannot use. */
export class UnsupportedTableError extends Error {}

/**
 * How `db` names a column: Drizzle's `casing` option renames those that have no name of their own.
 */
export function columnNamer(db: object): (column: Column) => string {
  const { casing } = (db as { dialect?: { casing?: { getColumnCasing?(column: Column): string } } })
    .dialect ?? { casing: undefined }
  return (column) => casing?.getColumnCasing?.(column) ?? column.name
}

/**
 * What stands between the brackets of CREATE TABLE, and the indexes. Throws an
 * {@link UnsupportedTableError} when the table has something that this cannot express: better no
 * table than half of one.
 */
export function tableElements(
  config: TableConfig,
  columnName: (column: Column) => string,
): { readonly elements: SQL[]; readonly indexes: NewIndex[] } {
  const unsupported: string[] = []
  const names = (columns: readonly Column[]) =>
    sql.join(
      columns.map((column) => sql.identifier(columnName(column))),
      sql`, `,
    )

  if (config.primaryKeys.length > 0) unsupported.push('a primary key of several columns')
  if (config.enableRLS || (config.policies?.length ?? 0) > 0) unsupported.push('row level security')
  for (const column of config.columns) {
    if (isSpecial(column)) unsupported.push(`a generated column (${column.name})`)
  }
  const elements = config.columns.map(
    (column) => sql`${sql.identifier(columnName(column))} ${definition(column)}`,
  )

  for (const column of config.columns) {
    if (!column.isUnique) continue
    const name = column.uniqueName ?? `${config.name}_${columnName(column)}_unique`
    elements.push(sql`constraint ${sql.identifier(name)} unique (${names([column])})`)
  }
  for (const unique of config.uniqueConstraints) {
    const columns = unique.columns.map(columnName).join('_')
    const name = unique.getName() ?? `${config.name}_${columns}_unique`
    elements.push(sql`constraint ${sql.identifier(name)} unique (${names(unique.columns)})`)
  }
  for (const key of config.foreignKeys) {
    const { columns, foreignColumns } = key.reference()
    const on = [
      key.onDelete === undefined ? '' : ` on delete ${key.onDelete}`,
      key.onUpdate === undefined ? '' : ` on update ${key.onUpdate}`,
    ]
    elements.push(
      sql`constraint ${sql.identifier(key.getName())} foreign key (${names(columns)})
        references ${foreignColumns[0]?.table as Table} (${names(foreignColumns)})${sql.raw(on.join(''))}`,
    )
  }
  for (const check of config.checks) {
    elements.push(sql`constraint ${sql.identifier(check.name)} check (${check.value})`)
  }

  const indexes: NewIndex[] = []
  for (const { config: index } of config.indexes) {
    const columns = index.columns.map((column) => indexColumn(column, config, columnName))
    const isPlain =
      index.where === undefined && (index.method ?? index.using ?? 'btree') === 'btree'
    if (!isPlain || index.name === undefined || columns.includes(undefined)) {
      unsupported.push(`an index that is not of plain columns (${index.name ?? 'without a name'})`)
      continue
    }
    indexes.push({
      name: index.name,
      unique: sql.raw(index.unique ? 'unique ' : ''),
      columns: sql.join(columns as SQL[], sql`, `),
    })
  }

  if (unsupported.length > 0) {
    throw new UnsupportedTableError(
      `DrizzleStore cannot create the table "${config.name}", which has ${unsupported.join(', ')}: ` +
        'create it with drizzle-kit, and pass createTable: false',
    )
  }
  return { elements, indexes }
}

function isSpecial(column: DefinedColumn): boolean {
  return (
    column.generated !== undefined ||
    column.generatedIdentity !== undefined ||
    column.autoIncrement === true ||
    column.hasOnUpdateNow === true
  )
}

function definition(column: Column): SQL {
  const parts = [sql.raw(column.getSQLType())]
  if (column.default !== undefined) parts.push(sql`default ${literal(column)}`)
  if (column.notNull) parts.push(sql`not null`)
  if (column.primary) parts.push(sql`primary key`)
  return sql.join(parts, sql` `)
}

function literal(column: Column): SQL {
  const value: unknown = column.default
  if (is(value, SQL)) return value
  const encoded = value === null ? null : column.mapToDriverValue(value)
  // Drizzle has no literal for a bigint.
  return typeof encoded === 'bigint' ? sql.raw(String(encoded)) : sql`${sql.param(encoded)}`
}

// Drizzle's indexes hold columns on MySQL and SQLite; on PostgreSQL copies of them, with an order.
function indexColumn(
  column: unknown,
  config: TableConfig,
  columnName: (column: Column) => string,
): SQL | undefined {
  if (is(column, SQL)) return undefined
  const { name, indexConfig } = column as { name?: string; indexConfig?: IndexOrder }
  const own = config.columns.find((candidate) => candidate.name === name)
  if (own === undefined || indexConfig?.opClass !== undefined) return undefined
  const order = indexConfig?.order === undefined ? '' : ` ${indexConfig.order}`
  const nulls = indexConfig?.nulls === undefined ? '' : ` nulls ${indexConfig.nulls}`
  return sql`${sql.identifier(columnName(own))}${sql.raw(order + nulls)}`
}

interface IndexOrder {
  readonly order?: 'asc' | 'desc'
  readonly nulls?: 'first' | 'last'
  readonly opClass?: string
}
