/** A `ts` block of a Markdown page. */
export interface Snippet {
  readonly page: string
  /** Where its fence is. */
  readonly line: number
  /** A module with the block, and the hidden lines above it, on the lines that they have in the page. */
  readonly code: string
  /** Why it is not compiled, '' when no reason is given; `undefined` when it is. */
  readonly ignored: string | undefined
}

const fence = /^\s*(`{3,}|~{3,})\s*(\S*)\s*(.*)$/
const hiddenStart = /^\s*<!--\s*ts\s*$/
const hiddenEnd = /^\s*-->\s*$/

/** The `ts` blocks of a page, in its order. */
export function snippetsIn(page: string, markdown: string): Snippet[] {
  const lines = markdown.split(/\r?\n/)
  const found: Snippet[] = []
  let hidden: readonly number[] = []

  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? ''
    if (hiddenStart.test(line)) {
      const end = indexAfter(lines, at, (text) => hiddenEnd.test(text))
      hidden = between(at, end)
      at = end
      continue
    }
    const [, marks, language, info] = fence.exec(line) ?? []
    if (marks !== undefined) {
      const end = indexAfter(lines, at, (text) => closes(text, marks))
      if (language === 'ts' || language === 'typescript')
        found.push({
          page,
          line: at + 1,
          code: moduleOf(lines, [...hidden, ...between(at, end)]),
          ignored: /^ignore\b/.test(info ?? '') ? (info ?? '').slice(6).trim() : undefined,
        })
      at = end
    }
    // Hidden lines belong to the block that follows them, with nothing but blank lines between.
    if (line.trim() !== '') hidden = []
  }
  return found
}

function indexAfter(lines: readonly string[], start: number, is: (line: string) => boolean) {
  const index = lines.findIndex((line, at) => at > start && is(line))
  return index === -1 ? lines.length : index
}

function between(start: number, end: number): number[] {
  return Array.from({ length: end - start - 1 }, (_, offset) => start + 1 + offset)
}

function closes(line: string, marks: string): boolean {
  const text = line.trim()
  return text.startsWith(marks) && text.replaceAll(marks.charAt(0), '') === ''
}

function moduleOf(lines: readonly string[], kept: readonly number[]): string {
  const keep = new Set(kept)
  return `${lines.map((line, at) => (keep.has(at) ? line : '')).join('\n')}\nexport {}\n`
}
