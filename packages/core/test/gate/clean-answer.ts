import { failure, type Outcome, type Stream } from './contestants.ts'
import type { Conversation } from './program.ts'

/** What is wrong with the answers to a conversation whose commits fail: each is that of errorFunc, whole, and nothing else. */
export function faultsOf(conversation: Conversation, { wire, unheard }: Outcome): string[] {
  const answers = typeof wire === 'string' ? answersOf(wire) : wire.map(answerOf)
  const expected = conversation.exchanges.map(({ method }) => ({
    status: failure.status,
    names: [failure.header],
    body: method === 'HEAD' ? '' : failure.body,
    trailers: [],
    reset: 0,
  }))
  const faults = JSON.stringify(answers) === JSON.stringify(expected) ? [] : [JSON.stringify(wire)]
  return [...faults, ...unheard.map(String)]
}

interface Answer {
  readonly status: number
  /** Without those that say where the body ends. */
  readonly names: readonly string[]
  readonly body: string
  readonly trailers: readonly unknown[]
  readonly reset: number
}

const framing = ['connection', 'keep-alive', 'content-length', 'transfer-encoding', ':status']

function answersOf(wire: string): Answer[] {
  return wire
    .split(/(?=HTTP\/1\.1 \d)/)
    .filter((part) => !/^HTTP\/1\.1 1\d\d/.test(part))
    .map((part) => {
      const end = part.indexOf('\r\n\r\n')
      const [status = '', ...lines] = part.slice(0, end).split('\r\n')
      const names = lines.map((line) => line.slice(0, line.indexOf(':')).toLowerCase())
      return {
        status: Number(status.split(' ')[1]),
        names: names.filter((name) => !framing.includes(name)),
        body: unchunked(part.slice(end + 4)),
        trailers: [],
        reset: 0,
      }
    })
}

// A line of a trailer would be left in it.
function unchunked(body: string): string {
  return body.replace(/(^|\r\n)[0-9a-f]+\r\n/g, '').replace(/\r\n/g, '')
}

function answerOf({ heads, body, trailers, reset }: Stream): Answer {
  const lines = heads.at(-1) ?? []
  const nameOf = (line: string) => line.slice(0, line.indexOf(': '))
  const status = lines.find((line) => line.startsWith(':status: ')) ?? ''
  const names = lines.map(nameOf).filter((name) => !framing.includes(name))
  return { status: Number(status.slice(9)), names, body, trailers: trailers.flat(), reset }
}
