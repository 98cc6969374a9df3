import type { Protocol } from '../support/servers.ts'
import type { Conversation, Entry, Exchange, Step } from './program.ts'

const end: Step = { do: 'end', callback: true }

/** Conversations that have shown a difference once. */
export const regressions: readonly (readonly [
  what: string,
  protocol: Protocol,
  conversation: Conversation,
])[] = [
  ['a status has its message as soon as the head is as good as sent', 'http', of(head(404), end)],
  ['an empty reason stays empty', 'http', of({ do: 'writeHead', status: 200, reason: '' }, end)],
  [
    'a status that is set too late can be read, and is not sent',
    'http',
    of(write(1), { do: 'statusCode', code: 500 }, { do: 'turn' }, { do: 'turn' }, end),
  ],
  ['a write after the end is refused at once', 'http', of(end, write(1))],
  ['an end after the end takes any chunk', 'http', of(end, { do: 'bad', call: 'end(object)' })],
  ['a cork can be seen', 'http', of(write(1), { do: 'cork' }, write(2), { do: 'uncork' }, end)],
  [
    'the status of a writeHead that throws stays',
    'http',
    of({ do: 'bad', call: 'writeHead(200, a value with a line break)' }, end),
  ],
  [
    'an array that the handler sets is left alone',
    'http',
    of(set('Set-Cookie', ['a=1', 'b=2']), end),
  ],
  [
    'names are sent as the handler writes them',
    'http',
    of(set('set-cookie', ['a=1']), { do: 'appendHeader', entry: ['SET-COOKIE', 'b=2'] }, end),
  ],
  [
    'a pipelined response that is cut waits until those before it are sent',
    'http',
    {
      turns: 0,
      exchanges: [
        exchange({ do: 'turn' }, { do: 'turn' }, end),
        { ...exchange(head(200, ['Trailer', 'X-Sum']), end), method: 'HEAD' },
        exchange(end),
      ],
    },
  ],
  [
    'what Node refuses as its client has gone is no error',
    'http',
    {
      turns: 1,
      exchanges: [
        exchange(end),
        { ...exchange(head(200, ['Trailer', 'X-Sum']), end), method: 'HEAD' },
        exchange(
          set('Content-Length', 1),
          { do: 'strictContentLength' },
          { do: 'turn' },
          { do: 'flushHeaders' },
          { do: 'end', chunk: { as: 'utf8', size: 1 }, callback: true },
        ),
      ],
    },
  ],
  [
    'what follows a call that Node refuses is not sent',
    'http',
    of(set('Content-Length', 5), { do: 'strictContentLength' }, head(200), write(9), write(1), end),
  ],
  ['an empty cookie of the handler is kept', 'h2c', of(set('Set-Cookie', ''), end)],
  [
    'headers that HTTP/2 forbids cut the stream, a HEAD too',
    'h2c',
    {
      turns: 0,
      exchanges: [
        { ...exchange(head(200, ['Transfer-Encoding', 'chunked']), end), method: 'HEAD' },
      ],
    },
  ],
]

function of(...steps: readonly Step[]): Conversation {
  return { turns: 1, exchanges: [exchange(...steps)] }
}

function exchange(...steps: readonly Step[]): Exchange {
  return { method: 'GET', version: '1.1', expectContinue: false, steps }
}

function head(status: number, ...entries: readonly Entry[]): Step {
  return { do: 'writeHead', status, headers: { form: 'object', entries } }
}

function write(size: number): Step {
  return { do: 'write', chunk: { as: 'utf8', size }, callback: true }
}

function set(name: string, value: Entry[1]): Step {
  return { do: 'setHeader', entry: [name, value] }
}
