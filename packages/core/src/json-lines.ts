import { isEscaped } from './escaped-keys.ts'
import { none } from './few.ts'
import { Unread } from './lazy-values.ts'

// JSON of a single line has no line break in it: where there is one, a value ends, and one can tell without reading it.
//
//   {"deadline":"…","values":{"userID":42,
//   "roles":["admin"],
//   "cart":[{"sku":"a"}]
//   }}

/** The text of an object's members: first what is no object itself, then a line for each that is. */
export class JsonMembers {
  readonly #inline: Record<string, unknown> = {}
  readonly #lines: string[] = []
  /** Those whose key JSON would escape: they are not in the text. */
  escaped: [key: string, value: unknown][] | undefined

  /** @param value what JSON can hold, or what was never read */
  add(key: string, value: unknown): void {
    if (isEscaped(key)) {
      this.escaped ??= []
      this.escaped.push([key, value])
    } else if (typeof value === 'object' && value !== null) {
      this.#lines.push(lineOf(key, value))
      // An assignment to `__proto__` would set the prototype.
    } else if (key === '__proto__') {
      Object.defineProperty(this.#inline, key, { value, enumerable: true })
    } else {
      this.#inline[key] = value
    }
  }

  toString(): string {
    const inline = JSON.stringify(this.#inline)
    if (this.#lines.length === 0) return inline
    const start = inline.slice(0, -1)
    return `${start}${start === '{' ? '' : ','}\n${this.#lines.join(',\n')}\n}`
  }
}

/** What a session's text consists of. */
export interface JsonText {
  /** The text without its lines. */
  readonly outline: string
  readonly lines: readonly (readonly [key: string, value: Unread])[]
}

const lastLine = '\n}}'

/** Takes a text apart; `undefined` when it is not written in this way. */
export function splitLines(text: string): JsonText | undefined {
  let at = text.indexOf('\n')
  if (at < 0) return { outline: text, lines: none }
  const end = text.length - lastLine.length
  const isFirst = text[at - 1] === '{'
  const isNext = text[at - 1] === ',' && text[at - 2] !== '{'
  if (at >= end || !text.endsWith(lastLine) || !(isFirst || isNext)) return undefined
  const outline = `${text.slice(0, isNext ? at - 1 : at)}}}`
  const lines: (readonly [string, Unread])[] = []
  while (at < end) {
    const next = text.indexOf('\n', at + 1)
    const isLast = next === end
    const line = memberIn(text.slice(at + 1, isLast ? next : next - 1))
    if (!line || (!isLast && text[next - 1] !== ',')) return undefined
    lines.push(line)
    at = next
  }
  return { outline, lines }
}

function lineOf(key: string, value: object): string {
  return `"${key}":${Unread.is(value) ? value.text : JSON.stringify(value)}`
}

function memberIn(line: string): readonly [string, Unread] | undefined {
  const colon = line.indexOf('":')
  const key = line.slice(1, colon)
  const value = line.slice(colon + 2)
  const isMember = line.startsWith('"') && colon > 0 && !isEscaped(key) && isObject(value)
  return isMember ? [key, new Unread(value)] : undefined
}

function isObject(text: string): boolean {
  return (
    (text.startsWith('{') && text.endsWith('}')) || (text.startsWith('[') && text.endsWith(']'))
  )
}
