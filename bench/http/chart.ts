import type { Results } from '../support/results.ts'
import { medianOf } from '../support/statistics.ts'
import { control } from './contestants.ts'
import type { Cell } from './measure.ts'

const titles: Readonly<Record<Cell['group'], string>> = {
  memory: 'Sessions in memory',
  frameworks: 'Sessions in memory or in the cookie, with frameworks',
  postgres: 'PostgreSQL',
  sqlite: 'SQLite',
  mariadb: 'MariaDB',
  redis: 'Redis',
}
const shown = ['read, 1 KB', 'write, 1 KB']
const width = 860
const labels = 340
const barHeight = 11
const rowHeight = 30
const panelHead = 34

/** The CPU per request of all servers as bars: a panel for each group, with a scale of its own. */
export function chartOf(cells: readonly Cell[], machine: Results['machine']): string {
  const panels: string[] = []
  let y = 62
  for (const group of Object.keys(titles) as Cell['group'][]) {
    const { svg, height } = panelOf(group, cells, y)
    panels.push(svg)
    y += height
  }
  const made = `${machine.date}, Node ${machine.node}, ${machine.cpu}, ${machine.cores} cores`
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${y + 30}" width="${width}" height="${y + 30}" role="img" aria-label="CPU of the server process per request">
<style>${style}</style>
<text class="title" x="16" y="28">CPU of the server process per request, in µs</text>
<rect class="read" x="16" y="40" width="11" height="11"/><text x="32" y="50">a session of 1 KB is read</text>
<rect class="write" x="196" y="40" width="11" height="11"/><text x="212" y="50">it is written</text>
${panels.join('\n')}
<text class="made" x="16" y="${y + 18}">${escaped(made)}</text>
</svg>
`
}

// Seen on a page that is light or dark.
const style = `
text { font: 12px system-ui, sans-serif; fill: #24292f }
.title { font-size: 15px; font-weight: 600 } .panel { font-weight: 600 } .made { fill: #6e7781 }
.ours { font-weight: 600 }
.read { fill: #3b82c4 } .write { fill: #d97a2b }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .made { fill: #8b949e } .read { fill: #58a6e6 } .write { fill: #f0984c }
}`

function panelOf(group: Cell['group'], all: readonly Cell[], top: number) {
  const cells = all.filter(
    (cell) =>
      cell.group === group && shown.includes(cell.scenario) && cell.contestant !== control.name,
  )
  const most = Math.max(...cells.map(({ cpu }) => medianOf(cpu)), 0)
  const scale = (width - labels - 70) / most
  const contestants = [...new Set(cells.map(({ contestant }) => contestant))]
  const rows = contestants.map((contestant, i) => {
    const y = top + panelHead + i * rowHeight
    const ours = contestant.startsWith('SCS') ? ' class="ours"' : ''
    const bars = shown.map((scenario, j) => {
      const cell = cells.find((c) => c.contestant === contestant && c.scenario === scenario)
      if (!cell) return ''
      const value = medianOf(cell.cpu)
      const barY = y + j * (barHeight + 1)
      const end = labels + value * scale
      return `<rect class="${j === 0 ? 'read' : 'write'}" x="${labels}" y="${barY}" width="${(value * scale).toFixed(1)}" height="${barHeight}"/><text x="${(end + 5).toFixed(1)}" y="${barY + 10}">${Math.round(value)}</text>`
    })
    return `<text${ours} x="${labels - 8}" y="${y + 16}" text-anchor="end">${escaped(contestant)}</text>${bars.join('')}`
  })
  const title = `<text class="panel" x="16" y="${top + 22}">${titles[group]}</text>`
  return {
    svg: [title, ...rows].join('\n'),
    height: panelHead + contestants.length * rowHeight,
  }
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}
