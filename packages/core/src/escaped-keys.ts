// Some versions of V8 take a key with an escape for another that was parsed before, of another visitor perhaps
// (nodejs/node#63785). So such keys are not written, and where they are in a row, JSON.parse does not read them.

/** Whether JSON writes `key` with an escape: for quotes, backslashes, control characters and lone surrogates. */
export function isEscaped(key: string): boolean {
  for (let index = 0; index < key.length; index++) {
    const code = key.charCodeAt(index)
    if (code < 0x20 || code === 0x22 || code === 0x5c) return true
    if (code >= 0xd800 && code < 0xe000) return JSON.stringify(key).length > key.length + 2
  }
  return false
}

/** The pairs of a tag that stands for an object with an escaped key; `undefined` when `content` is none. */
export function pairsOf(content: unknown): readonly (readonly [string, unknown])[] | undefined {
  if (!Array.isArray(content) || !content.every(isPair)) return undefined
  const keys = content.map(([key]) => key)
  return keys.some(isEscaped) && new Set(keys).size === keys.length ? content : undefined
}

/** As JSON.parse, and true to keys with escapes. */
export function parseJson(text: string): unknown {
  const value: unknown = JSON.parse(text)
  return text.includes('\\') && hasEscapedKey(text) ? new Reader(text).value() : value
}

function isPair(value: unknown): value is [string, unknown] {
  return Array.isArray(value) && value.length === 2 && typeof value[0] === 'string'
}

function hasEscapedKey(text: string): boolean {
  let start = text.indexOf('"')
  while (start >= 0) {
    const end = endOfString(text, start)
    if (text[afterBlanks(text, end)] === ':' && text.slice(start, end).includes('\\')) return true
    start = text.indexOf('"', end)
  }
  return false
}

/** Reads text that is known to be JSON. */
class Reader {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  value(): unknown {
    switch (this.#next()) {
      case '{':
        return this.#object()
      case '[':
        return this.#array()
      default:
        return this.#scalar()
    }
  }

  #object(): unknown {
    const members: [string, unknown][] = []
    this.#skip()
    while (this.#next() !== '}') {
      if (this.#next() === ',') this.#skip()
      this.#next()
      const key = this.#scalar() as string
      this.#next()
      this.#skip()
      members.push([key, this.value()])
    }
    this.#skip()
    return Object.fromEntries(members)
  }

  #array(): unknown {
    const elements: unknown[] = []
    this.#skip()
    while (this.#next() !== ']') {
      if (this.#next() === ',') this.#skip()
      elements.push(this.value())
    }
    this.#skip()
    return elements
  }

  #scalar(): unknown {
    const start = this.#at
    this.#at = this.#text[start] === '"' ? endOfString(this.#text, start) : this.#endOfWord()
    return JSON.parse(this.#text.slice(start, this.#at))
  }

  #endOfWord(): number {
    const rest = /[\s,\]}]|$/g
    rest.lastIndex = this.#at
    return rest.exec(this.#text)?.index ?? this.#text.length
  }

  /** The first character that is not blank. */
  #next(): string | undefined {
    this.#at = afterBlanks(this.#text, this.#at)
    return this.#text[this.#at]
  }

  #skip(): void {
    this.#at++
  }
}

function afterBlanks(text: string, at: number): number {
  let end = at
  while (text[end] === ' ' || text[end] === '\n' || text[end] === '\t' || text[end] === '\r') end++
  return end
}

/** Past the quotes that end the string which begins at `start`. */
function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1)
  while (isEscapedAt(text, end)) end = text.indexOf('"', end + 1)
  return end + 1
}

function isEscapedAt(text: string, at: number): boolean {
  let first = at
  while (text[first - 1] === '\\') first--
  return (at - first) % 2 === 1
}
