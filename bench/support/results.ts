import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, totalmem, type } from 'node:os'
import { fileURLToPath } from 'node:url'
import { type Limit, limitColumns, limitRow } from './limits.ts'
import type { Versions } from './versions.ts'

/** What one bench has found; the same for all, so that one program writes the report. */
export interface Results {
  /** What was measured, in a few words. */
  readonly title: string
  /** How, in a paragraph. */
  readonly about: string
  readonly machine: Machine
  /** Of the databases, drivers and other libraries. */
  readonly versions: Versions
  readonly limits: readonly Limit[]
  readonly tables: readonly Table[]
  /** All that the tables were made from. */
  readonly measured: unknown
}

/** Numbers come as they are to be read. */
export interface Table {
  readonly title: string
  readonly columns: readonly string[]
  readonly rows: readonly (readonly (string | number)[])[]
}

interface Machine {
  readonly date: string
  readonly cpu: string
  readonly cores: number
  readonly memory: string
  readonly node: string
}

const folder = fileURLToPath(new URL('../results/', import.meta.url))

/** This machine, today. */
export function thisMachine(): Machine {
  const [cpu] = cpus()
  return {
    date: new Date().toISOString().slice(0, 10),
    cpu: cpu?.model.trim() || type(),
    cores: cpus().length,
    memory: `${Math.round(totalmem() / 2 ** 30)} GB`,
    node: process.versions.node,
  }
}

/** Keeps the results as `bench/results/<name>.json`, and makes the report of all that are there anew. */
export function keep(name: string, results: Results, files: Record<string, string> = {}): void {
  mkdirSync(folder, { recursive: true })
  writeFileSync(`${folder}${name}.json`, `${JSON.stringify(results, null, 1)}\n`)
  for (const [file, text] of Object.entries(files)) writeFileSync(folder + file, text)
  const all = readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .sort()
    .map((file): Results => JSON.parse(readFileSync(folder + file, 'utf8')))
  writeFileSync(`${folder}README.md`, reportOf(all))
}

/** What was kept under this name; `undefined` when nothing was. */
export function kept(name: string): Results | undefined {
  const file = `${folder}${name}.json`
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined
}

/** One result as Markdown. */
export function markdownOf({ title, about, machine, versions, limits, tables }: Results): string {
  const { date, cpu, cores, memory, node } = machine
  const names = Object.entries(versions).map(([name, version]) => `${name} ${version}`)
  const parts = [
    `## ${title}`,
    about,
    `Measured on ${date}: Node ${node}, ${cpu}, ${cores} cores, ${memory}. With ${names.join(', ')}.`,
    ...(limits.length > 0 ? ['### Shown by', tableOf(limitsTable(limits))] : []),
    ...tables.flatMap((table) => [`### ${table.title}`, tableOf(table)]),
  ]
  return `${parts.join('\n\n')}\n`
}

function reportOf(all: readonly Results[]): string {
  const limits = all.flatMap((results) => results.limits)
  return `# Results

Made by \`npm run bench\`, \`npm run bench -- micro\`, \`npm run bench -- profile\`, \`npm run bench -- growth\` and
\`npm run bench -- flood\`; what they were made from is in the JSON files beside this page.

## Shown by

${tableOf(limitsTable(limits))}

${all.map(markdownOf).join('\n')}`
}

function limitsTable(limits: readonly Limit[]): Table {
  return { title: '', columns: limitColumns, rows: limits.map(limitRow) }
}

function tableOf({ columns, rows }: Table): string {
  const line = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`
  return [line(columns), line(columns.map(() => '---')), ...rows.map(line)].join('\n')
}
