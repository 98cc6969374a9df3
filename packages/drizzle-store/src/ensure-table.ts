import { UnsupportedTableError } from './create-table.ts'
import { databaseError } from './database-error.ts'
import type { DatabaseColumn, SchemaOfTable } from './dialect.ts'

/**
 * Creates the table if it is to and is not there, and checks that sessions can be kept in it.
 * Throws an Error that says what to do when they cannot; a table whose definition is at fault is
 * not created.
 */
export async function ensureTable(schema: SchemaOfTable, createTable: boolean): Promise<void> {
  const columns = (await describe(schema)) ?? (createTable ? await create(schema) : undefined)
  if (columns === undefined) {
    throw new Error(
      `DrizzleStore: the table "${schema.name}" does not exist. Create it by a migration of drizzle-kit, or leave ` +
        'createTable at true',
    )
  }
  const faults = [...faultsOf(columns, schema)]
  if (faults.length > 0) {
    throw new Error(
      `DrizzleStore cannot keep sessions in the table "${schema.name}": ${faults.join('; ')}. Change it by a ` +
        'migration, or pass another table as the option table',
    )
  }
}

async function describe(schema: SchemaOfTable): Promise<readonly DatabaseColumn[] | undefined> {
  try {
    return await schema.describe()
  } catch (error) {
    throw databaseError(`look for the table "${schema.name}"`, error, schema.name)
  }
}

async function create(schema: SchemaOfTable): Promise<readonly DatabaseColumn[] | undefined> {
  try {
    const faults = [...faultsOf(await schema.defined(), schema)]
    if (faults.length > 0) {
      throw new UnsupportedTableError(
        `DrizzleStore cannot keep sessions in the table "${schema.name}" as the option table defines it: ` +
          `${faults.join('; ')}. Nothing was created. Change the definition: spread sessionColumns() into it`,
      )
    }
    await schema.create()
  } catch (error) {
    // Something else may have created it meanwhile.
    const columns = await describe(schema)
    if (columns !== undefined) return columns
    throw error instanceof UnsupportedTableError
      ? error
      : databaseError(`create the table "${schema.name}"`, error, schema.name)
  }
  return describe(schema)
}

function* faultsOf(columns: readonly DatabaseColumn[], schema: SchemaOfTable): Generator<string> {
  const { token, data, expiry } = schema.expected
  const own = [token, data, expiry]
  for (const { name, type, accepts } of own) {
    const column = columns.find((candidate) => candidate.name === name)
    if (column === undefined) yield `the column "${name}" (${type}) is missing`
    else if (!accepts(column.type)) {
      yield `the column "${name}" is of type ${column.type || 'none'} and must be ${type}`
    } else if (name === token.name && !column.isUnique) {
      yield `the column "${name}" must be the primary key`
    }
  }
  for (const column of columns) {
    if (!column.isRequired || schema.filled.has(column.name)) continue
    if (own.some(({ name }) => name === column.name)) continue
    yield `the column "${column.name}" must be nullable or have a default`
  }
}
