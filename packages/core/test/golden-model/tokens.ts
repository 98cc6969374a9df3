// Tokens in the model are placeholders. Those that a run generates have names of their own, by where they were
// generated, so that SCS's and this package's are the same where they are generated in the same place; those of the
// transcript (T1, T2 …) are told of when the model's answer is laid beside the recorded one.

import { hash } from 'node:crypto'

const symbol = String.raw`<(?:(?:H:)*(?:T\w+|empty)|tampered T\w+|swapcased? T\w+)>`
const literal = '[A-Za-z0-9_-]{43}'
const anyToken = new RegExp(`^(?:${symbol}|(?:<H:)*${literal}>?)$`)

/** Whether a text may be looked up as a token: a placeholder is one. */
export function isToken(text: string): boolean {
  return anyToken.test(text) || /^[A-Za-z0-9_-]{1,43}$/.test(text)
}

/** What HashTokenInStore files a token under. */
export function hashed(token: string): string {
  if (token === '') return '<H:empty>'
  if (token.startsWith('<')) return `<H:${token.slice(1)}`
  if (new RegExp(`^${literal}$`).test(token)) return `<H:${token}>`
  return hash('sha256', token, 'base64url')
}

/** The names of the transcript's tokens, and the model's for the same. */
export class TokenNames {
  readonly #theirs = new Map<string, string>()
  readonly #ours = new Map<string, string>()

  /** A text of a transcript in the names of the model. `{{T1}}` too. */
  toModel(text: string): string {
    return text
      .replace(
        /\{\{(hash |tamper |swapcase )?(T\w+)\}\}/g,
        (_, word: string = '', name: string) => {
          const prefix = { 'hash ': 'H:', 'tamper ': 'tampered ', 'swapcase ': 'swapcased ' }[word]
          return `<${prefix ?? ''}${name}>`
        },
      )
      .replace(/\b(T\d+)>/g, (whole, name: string) => {
        const mine = this.#ours.get(name)
        return mine === undefined ? whole : `${mine}>`
      })
      .replace(new RegExp(`<(${literal})>`, 'g'), '$1')
  }

  /** A text of the model in the names of the transcript. */
  toTranscript(text: string): string {
    return text
      .replace(/\b(Ts\w+)>/g, (whole, name: string) => {
        const theirs = this.#theirs.get(name)
        return theirs === undefined ? whole : `${theirs}>`
      })
      .replace(new RegExp(`(?<![\\w-])${literal}(?![\\w-])`, 'g'), (token) => {
        const theirs = this.#theirs.get(token)
        return theirs === undefined ? token : `<${theirs}>`
      })
      .replace(/<((?:H:)+)<(T\w+)>>/g, '<$1$2>')
  }

  /** Learns the names of a recorded text that are in the places of the model's. */
  learn(recorded: string, model: string): void {
    const names: string[] = []
    const pattern = recorded
      .split(/(<(?:(?:H:)*|tampered |swapcased? )T\d+>)/)
      .map((part, index) => {
        if (index % 2 === 0) return escaped(part)
        const [, prefix = '', name = ''] = /^<(.*?)(T\d+)>$/.exec(part) ?? []
        names.push(name)
        return prefix === ''
          ? `(?:<(T\\w+)>|(${literal}))`
          : `<${escaped(prefix)}(?:(T\\w+)|(${literal}))>`
      })
      .join('')
    if (names.length === 0) return
    const match = new RegExp(`^${pattern}$`, 's').exec(model)
    if (match === null) return
    for (const [index, name] of names.entries()) {
      this.#bind(name, match[2 * index + 1] ?? match[2 * index + 2] ?? '')
    }
  }

  #bind(theirs: string, mine: string): void {
    if (mine === theirs || this.#ours.has(theirs) || this.#theirs.has(mine)) return
    this.#ours.set(theirs, mine)
    this.#theirs.set(mine, theirs)
  }
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
}
