import fc from 'fast-check'
import type { Protocol } from '../support/servers.ts'
import { joinsChunks } from './departures.ts'

/** What is written: `size` bytes of a pattern, as a string of some encoding, a Buffer or a Uint8Array. */
export interface Chunk {
  readonly as: 'utf8' | 'latin1' | 'hex' | 'base64' | 'no encoding' | 'Buffer' | 'Uint8Array'
  readonly size: number
}

/** The bytes of a chunk. */
export function sizeOf({ as, size }: Chunk): number {
  // With a character of two bytes before it.
  return as === 'no encoding' ? size + 2 : size
}

/** Headers in one of the forms that `writeHead` takes. */
export interface Headers {
  readonly form: 'object' | 'flat list' | 'list of pairs'
  readonly entries: readonly Entry[]
}

export type Entry = readonly [name: string, value: string | number | readonly string[]]

/** One call of a handler. */
export type Step =
  | { readonly do: 'setHeader' | 'appendHeader'; readonly entry: Entry }
  | {
      readonly do: 'setHeaders'
      readonly as: 'Map' | 'Headers'
      readonly entries: readonly Entry[]
    }
  | { readonly do: 'removeHeader'; readonly name: string }
  | { readonly do: 'statusCode'; readonly code: number }
  | { readonly do: 'statusMessage'; readonly text: string }
  | {
      readonly do: 'writeHead'
      readonly status: number
      readonly reason?: string | undefined
      readonly headers?: Headers | undefined
    }
  | { readonly do: 'write'; readonly chunk: Chunk; readonly callback: boolean }
  | { readonly do: 'end'; readonly chunk?: Chunk | undefined; readonly callback: boolean }
  | {
      readonly do: 'pipe' | 'pipe, left open' | 'pipeline'
      readonly sizes: readonly number[]
    }
  | { readonly do: 'addTrailers'; readonly entries: readonly Entry[] }
  | { readonly do: 'writeEarlyHints' | 'writeProcessing' | 'writeContinue' | 'writeInformation' }
  | { readonly do: 'flushHeaders' | 'cork' | 'uncork' | 'strictContentLength' }
  // A microtask, a turn of the event loop, the drain of a full buffer, the callback of the last write.
  | { readonly do: 'microtask' | 'turn' | 'drained' | 'written' }
  | { readonly do: 'bad'; readonly call: BadCall }

/** A call with arguments that no response takes. */
export type BadCall = (typeof badCalls)[number]

export const badCalls = [
  'writeHead(99)',
  'writeHead(200, a name with a space)',
  'writeHead(200, a value with a line break)',
  'writeHead(200, a value that is undefined)',
  'writeHead(200, a list with a name too many)',
  'writeHead(200, a reason with a line break)',
  'setHeader(a name with a space)',
  'write()',
  'write(number)',
  'write(null)',
  'end(object)',
] as const

/** One request, and what its handler does. */
export interface Exchange {
  readonly method: 'GET' | 'HEAD' | 'POST'
  readonly version: '1.0' | '1.1'
  readonly expectContinue: boolean
  readonly steps: readonly Step[]
}

/** Requests that are sent at once on one connection, which the last of them closes. */
export interface Conversation {
  readonly exchanges: readonly Exchange[]
  /** How many turns of the event loop the store takes for a commit, where it takes its time. */
  readonly turns: number
}

const encodings = [
  'utf8',
  'latin1',
  'hex',
  'base64',
  'no encoding',
  'Buffer',
  'Uint8Array',
] as const
// Far below and far above each buffer that a writer could be told to wait for.
const small = fc.integer({ min: 0, max: 40 })
const large = fc.constantFrom(200_000, 700_000)
const size = fc.oneof({ weight: 12, arbitrary: small }, { weight: 1, arbitrary: large })
const chunk: fc.Arbitrary<Chunk> = fc.record({ as: fc.constantFrom(...encodings), size })

// What is outside ASCII is encoded as what is sent along with the head; see the seventh of the departures.
const accent = joinsChunks ? 'e' : 'é'
const text = fc.constantFrom('1', 'two', '3, 4', accent, '')
const entry: fc.Arbitrary<Entry> = fc.oneof(
  fc.tuple(fc.constantFrom('X-A', 'x-a', 'X-B', 'ETag', 'Vary'), text),
  fc.tuple(fc.constantFrom('X-A', 'Set-Cookie'), fc.array(text, { maxLength: 3 })),
  fc.tuple(fc.constant('Set-Cookie'), fc.constantFrom('a=1', 'b=2; Path=/x')),
  fc.tuple(fc.constant('Cache-Control'), fc.constantFrom('private', 'no-store, max-age=0')),
  fc.tuple(fc.constant('X-Number'), fc.integer()),
  fc.constant(['Content-Type', 'text/plain; charset=utf-8'] as const),
  fc.constant(['Trailer', 'X-Sum'] as const),
  fc.constant(['Date', 'Thu, 01 Jan 1970 00:00:00 GMT'] as const),
)
// These decide over the connection: the last response of a conversation alone may have them.
const connection: fc.Arbitrary<Entry> = fc.constantFrom(
  ['Transfer-Encoding', 'chunked'] as const,
  ['Connection', 'close'] as const,
)
const isChunked = ([name]: Entry) => name === 'Transfer-Encoding'
// A wrong one resets a stream of HTTP/2 at some moment.
const length: fc.Arbitrary<Entry> = fc.tuple(
  fc.constant('Content-Length'),
  fc.oneof(small, small.map(String)),
)
const status = fc.constantFrom(200, 201, 204, 206, 299, 302, 304, 404, 500, 503)
const reason = fc.constantFrom('Fine', '', accent)

interface Place {
  readonly protocol: Protocol
  readonly isFirst: boolean
  readonly isLast: boolean
}

function calls({ protocol, isFirst, isLast }: Place): fc.Arbitrary<Step> {
  const framing = protocol === 'http' ? fc.oneof(length, connection) : connection.filter(isChunked)
  const any = isLast ? fc.oneof({ weight: 4, arbitrary: entry }, framing) : entry
  const entries = fc.array(any, { maxLength: 4 })
  const distinct = fc.uniqueArray(any, { maxLength: 4, selector: ([name]) => name.toLowerCase() })
  const forms = fc.constantFrom('object' as const, 'flat list' as const, 'list of pairs' as const)
  const removable = ['X-A', 'Set-Cookie', 'Vary', 'Date', 'Trailer']
  const removed = isLast ? [...removable, 'Content-Length', 'Transfer-Encoding'] : removable
  // Node sends a 1xx of a response that waits for another after its head.
  const early = isFirst ? 1 : 0
  return fc.oneof(
    { weight: 3, arbitrary: fc.record({ do: is('setHeader'), entry: any }) },
    { weight: 2, arbitrary: fc.record({ do: is('appendHeader'), entry: any }) },
    {
      weight: 1,
      arbitrary: fc.record({
        do: is('setHeaders'),
        as: fc.constantFrom('Map' as const, 'Headers' as const),
        entries,
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ do: is('removeHeader'), name: fc.constantFrom(...removed) }),
    },
    { weight: 1, arbitrary: fc.record({ do: is('statusCode'), code: status }) },
    { weight: 1, arbitrary: fc.record({ do: is('statusMessage'), text: reason }) },
    {
      weight: 3,
      arbitrary: fc.record({
        do: is('writeHead'),
        status,
        reason:
          protocol === 'http' ? fc.option(reason, { nil: undefined }) : fc.constant(undefined),
        headers: fc.option(fc.record({ form: forms, entries: distinct }), { nil: undefined }),
      }),
    },
    { weight: 8, arbitrary: fc.record({ do: is('write'), chunk, callback: fc.boolean() }) },
    { weight: 1, arbitrary: fc.record({ do: is('addTrailers'), entries: fc.array(entry) }) },
    {
      weight: 1,
      arbitrary: fc.record({
        do: is('pipe, left open'),
        sizes: fc.array(
          size.filter((bytes) => bytes > 0),
          { minLength: 1, maxLength: 3 },
        ),
      }),
    },
    { weight: early, arbitrary: plain('writeEarlyHints') },
    { weight: early, arbitrary: plain('writeProcessing') },
    { weight: early, arbitrary: plain('writeContinue') },
    { weight: early, arbitrary: plain('writeInformation') },
    { weight: 1, arbitrary: plain('flushHeaders') },
    { weight: 1, arbitrary: plain('cork') },
    { weight: 1, arbitrary: plain('uncork') },
    { weight: isLast ? 1 : 0, arbitrary: plain('strictContentLength') },
    { weight: 2, arbitrary: plain('microtask') },
    { weight: 5, arbitrary: plain('turn') },
    { weight: 2, arbitrary: plain('drained') },
    { weight: 1, arbitrary: plain('written') },
    { weight: 1, arbitrary: fc.record({ do: is('bad'), call: fc.constantFrom(...badCalls) }) },
  )
}

const end = fc.record({
  do: is('end'),
  chunk: fc.option(chunk, { nil: undefined }),
  callback: fc.boolean(),
})
const ending: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: end },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constantFrom('pipe' as const, 'pipeline' as const),
      sizes: fc.array(
        size.filter((bytes) => bytes > 0),
        { maxLength: 3 },
      ),
    }),
  },
)

// The length of the body, for once the right one.
function declared(steps: readonly Step[]): Step {
  const sizes = steps.flatMap((step) => {
    if (step.do === 'write' || step.do === 'end') return step.chunk ? [sizeOf(step.chunk)] : []
    return 'sizes' in step ? step.sizes : []
  })
  const total = sizes.reduce((sum, bytes) => sum + bytes, 0)
  return { do: 'setHeader', entry: ['Content-Length', total] }
}

// Leaves out what would end the process, or hang, on bare node:http too: what throws in a pipe throws at nobody, an `end`
// that throws leaves the socket corked, and Node 22 forgets the drain of what was corked.
function playable(steps: Step[]): Step[] {
  const pipes = steps.some((step) => step.do.startsWith('pipe'))
  const waits = steps.some((step) => /^(?:pipe|drained|written)/.test(step.do))
  return steps.filter((step) => {
    if (pipes && throws(step)) return false
    if (step.do === 'cork') return !waits || !forgetsDrain
    return !(waits && step.do === 'bad' && step.call === 'end(object)')
  })
}

function throws(step: Step): boolean {
  return (
    step.do === 'strictContentLength' ||
    (step.do === 'bad' && step.call === 'writeHead(99)') ||
    /"(?:Trailer|Transfer-Encoding|Date|ETag|Content-Type)"/.test(JSON.stringify(step))
  )
}

const forgetsDrain = Number.parseInt(process.versions.node, 10) < 24

function exchange(place: Place): fc.Arbitrary<Exchange> {
  const { protocol, isFirst, isLast } = place
  const step = calls(place)
  const after = fc.oneof(
    { weight: 3, arbitrary: fc.constant([]) },
    { weight: 1, arbitrary: fc.array(fc.oneof(step, end), { maxLength: 3 }) },
  )
  const declares = fc.nat(7).map((n) => n === 7 && isLast && protocol === 'http')
  const steps = fc
    .tuple(fc.array(step, { maxLength: 9 }), ending, after, declares)
    .map(([before, last, after, declares]) => {
      const body = [...before, last]
      return playable([...(declares ? [declared(body)] : []), ...body, ...after])
    })
  return fc.record({
    method: fc.constantFrom('GET' as const, 'GET' as const, 'HEAD' as const, 'POST' as const),
    version: isLast
      ? fc.constantFrom('1.1' as const, '1.1' as const, '1.1' as const, '1.0' as const)
      : fc.constant('1.1' as const),
    expectContinue: isFirst && isLast ? fc.boolean() : fc.constant(false),
    steps,
  })
}

/** Conversations of one request, mostly, and of up to three that are pipelined. */
export function conversations(protocol: Protocol): fc.Arbitrary<Conversation> {
  const at = (isFirst: boolean, isLast: boolean) => exchange({ protocol, isFirst, isLast })
  return fc.record({
    exchanges: fc.oneof(
      { weight: 3, arbitrary: fc.tuple(at(true, true)) },
      { weight: 1, arbitrary: fc.tuple(at(true, false), at(false, true)) },
      { weight: 1, arbitrary: fc.tuple(at(true, false), at(false, false), at(false, true)) },
    ),
    turns: fc.integer({ min: 0, max: 6 }),
  })
}

function is<const T extends string>(kind: T): fc.Arbitrary<T> {
  return fc.constant(kind)
}

function plain<const T extends string>(kind: T): fc.Arbitrary<{ readonly do: T }> {
  return fc.constant({ do: kind })
}
