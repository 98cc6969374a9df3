/** What came of one case on one server. */
export type Cell =
  | { readonly outcome: 'passed' | 'failed' | 'not run' }
  | { readonly outcome: 'does not apply'; readonly reason: string }

/** The rows are cases, by name; their cells stand by the names of servers. */
export type Table = ReadonlyMap<string, ReadonlyMap<string, Cell>>

const signs = { passed: '✓', failed: '✗', 'not run': '?' }

/** The table in Markdown, with the reasons why a case does not apply below it. */
export function markdownOf(table: Table): string {
  const columns = columnsOf(table)
  const reasons: string[] = []
  const sign = (cell: Cell = { outcome: 'not run' }) => {
    if (cell.outcome !== 'does not apply') return signs[cell.outcome]
    if (!reasons.includes(cell.reason)) reasons.push(cell.reason)
    return `– [${reasons.indexOf(cell.reason) + 1}]`
  }
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  const rows = [...table].map(([name, cells]) =>
    line([name, ...columns.map((column) => sign(cells.get(column)))]),
  )
  const head = [line(['', ...columns]), `|---${'|:-:'.repeat(columns.length)}|`]
  const notes = reasons.map((reason, i) => `${i === 0 ? '\n' : ''}[${i + 1}] ${reason}`)
  return [...head, ...rows, ...notes].join('\n')
}

/** The table in one line, which calls its rows and columns so. */
export function summaryOf(table: Table, rows = 'conversations', columns = 'servers'): string {
  const cells = [...table.values()].flatMap((row) => [...row.values()])
  const count = (outcome: Cell['outcome']) =>
    cells.filter((cell) => cell.outcome === outcome).length
  const counts = (['passed', 'failed', 'not run', 'does not apply'] as const)
    .filter((outcome) => outcome === 'passed' || count(outcome) > 0)
    .map((outcome) => `${count(outcome)} ${outcome}`)
  return `${table.size} ${rows} on ${columnsOf(table).length} ${columns}: ${counts.join(', ')}`
}

function columnsOf(table: Table): string[] {
  return [...new Set([...table.values()].flatMap((cells) => [...cells.keys()]))]
}
