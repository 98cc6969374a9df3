// Transcripts that were not recorded but derived from SCS's source, for departures that no recorded one has to do with: what
// is written down is what SCS does.

import type { Config } from '../golden-server/config.ts'
import type { Operation } from '../golden-server/operations.ts'
import type { CallEntry, Out, ResultEntry, Step, Transcript } from './transcript.ts'

const one = { t: 'int', v: '1' }
const notice = 'no-cache="Set-Cookie"'
const diskFull = { op: 'fail', call: 'commit', msg: 'disk full', count: -1 } as const

function put(key: string): Operation {
  return { op: 'put', key, ...one }
}

function find(token: string, found = true): CallEntry {
  return { call: 'find', store: 'S', token, found }
}

function drop(token: string): CallEntry {
  return { call: 'delete', store: 'S', token }
}

function commit(token: string, ...keys: string[]): CallEntry {
  const values = Object.fromEntries(keys.map((key) => [key, one]))
  const time = '<now+86400s>'
  return { call: 'commit', store: 'S', token, deadline: time, expiry: time, values }
}

function cookie(token: string): Out {
  const lifespan = 'Expires=<ceil now+86400s>; Max-Age=86400'
  return {
    setCookie: [`session=${token}; Path=/; ${lifespan}; HttpOnly; SameSite=Lax`],
    cacheControl: [notice],
    jar: { session: token },
  }
}

// A request and SCS's answer. The results are those of operations that only succeed, where `results` has no other.
function ask(
  ops: readonly Operation[],
  calls: CallEntry[],
  more: Out = {},
  results: Readonly<Record<number, Partial<ResultEntry>>> = {},
  headers: readonly (readonly [string, string])[] = [],
): Step {
  const out: Out = {
    status: 200,
    setCookie: [],
    vary: ['Cookie'],
    cacheControl: [],
    body: '',
    ran: true,
    results: ops.map(({ op, key, body }, index) => ({
      op,
      ...(key ? { key } : {}),
      ...(op === 'writeBody' ? { n: body?.length } : {}),
      ...(op === 'flush' ? { ok: true } : {}),
      ...results[index],
    })),
    calls,
    ...more,
  }
  return { req: { ops, headers }, out }
}

const first = ask([put('a')], [commit('<T1>', 'a')], cookie('<T1>'))
const jar = { session: '<T1>' }
const write: Operation = { op: 'writeBody', body: 'x' }
const cut: Out = { error: 'connection closed before a response' }

function transcript(name: string, steps: readonly Step[], config: Config = {}): Transcript {
  return { name, title: name, tags: [], config, steps }
}

function failedCommit(errorFunc: string, more: Out): Transcript {
  const ops = [put('a'), { op: 'setHeader', name: 'X-A', value: 'b' }, write]
  const failed = { ...commit('<T1>', 'a'), err: 'disk full' }
  return transcript(
    `a commit that fails after a handler has written, errorFunc "${errorFunc}"`,
    [{ ctl: diskFull, out: {} }, ask(ops, [failed], { jar: {}, ...more })],
    { managers: [{ errorFunc }] },
  )
}

/** Every one of them. */
export const derivedTranscripts: readonly Transcript[] = [
  failedCommit('', {
    status: 500,
    body: 'Internal Server Error\nx',
    headers: [['X-A', 'b']],
  }),
  failedCommit('custom', {
    status: 503,
    body: 'custom: disk fullx',
    headers: [
      ['X-A', 'b'],
      ['X-Error-Func', 'disk full'],
    ],
  }),
  failedCommit('silent', { body: 'x', headers: [['X-A', 'b']] }),
  transcript(
    'iterate with hashed tokens',
    [
      ask([put('a')], [commit('<H:T1>', 'a')], cookie('<T1>')),
      ask(
        [{ op: 'iterate', ops: [{ op: 'token' }, { op: 'destroy' }] }],
        [{ call: 'all', store: 'S', tokens: ['<H:T1>'] }, drop('<H:H:T1>')],
        { jar },
        { 0: { sessions: [{ results: [{ op: 'token', r: '<H:T1>' }, { op: 'destroy' }] }] } },
        [['Cookie', 'x=y']],
      ),
      {
        dump: 'S',
        out: { rows: [{ token: '<H:T1>', values: { a: one }, deadline: '<now+86400s>' }] },
      },
      ask([{ op: 'status' }], [find('<H:T1>')], { jar }, { 0: { r: 'Unmodified' } }),
    ],
    { managers: [{ hashTokenInStore: true }] },
  ),
  transcript('a row past its deadline', [
    {
      ctl: {
        op: 'storePut',
        token: 'old',
        values: { a: one },
        deadlineInMs: -5000,
        expiryInMs: 60_000,
      },
      out: { err: '' },
    },
    ask([{ op: 'keys' }], [find('old')], { jar: {} }, { 0: { r: ['a'] } }, [
      ['Cookie', 'session=old'],
    ]),
  ]),
  transcript('a type that Go knows when it is registered', [
    ask([{ op: 'put', key: 't', t: 'time.Time', v: '2020-01-01T00:00:00Z' }], [], {
      status: 500,
      body: 'Internal Server Error\n',
      jar: {},
    }),
  ]),
  transcript(
    'a time with a zone and nanoseconds',
    [
      ask(
        [
          { op: 'put', key: 't', t: 'time.Time', v: '2020-01-01T02:00:00.123456789+02:00' },
          { op: 'get', key: 't' },
          { op: 'remove', key: 't' },
        ],
        [commit('<T1>')],
        cookie('<T1>'),
        { 1: { r: { t: 'time.Time', v: '2020-01-01T02:00:00.123456789+02:00' } } },
      ),
    ],
    { registerGob: true },
  ),
  transcript('Cache-Control: public', [
    ask(
      [{ op: 'setHeader', name: 'Cache-Control', value: 'public, max-age=60' }, put('a')],
      [commit('<T1>', 'a')],
      { ...cookie('<T1>'), cacheControl: ['public, max-age=60', notice] },
    ),
  ]),
  transcript('a flush before a new session is modified', [
    ask([{ op: 'flush' }, put('a'), write], [commit('<T1>', 'a')], { body: 'x', jar: {} }),
    {
      dump: 'S',
      out: { rows: [{ token: '<T1>', values: { a: one }, deadline: '<now+86400s>' }] },
    },
  ]),
  transcript('a flush before a session of the client is modified', [
    first,
    ask([{ op: 'flush' }, put('b'), write], [find('<T1>'), commit('<T1>', 'a', 'b')], {
      body: 'x',
      jar,
    }),
  ]),
  transcript('a flush after a renewal', [
    first,
    ask(
      [{ op: 'renewToken' }, { op: 'flush' }, write],
      [find('<T1>'), drop('<T1>'), commit('<T2>', 'a')],
      { body: 'x', jar },
    ),
  ]),
  transcript('a 103 before a new session is modified', [
    ask([{ op: 'writeHeader', code: 103 }, put('a'), write], [], {
      informational: [{ status: 103 }],
      body: 'x',
      jar: {},
    }),
  ]),
  ...['', 'custom', 'silent'].map((errorFunc) =>
    transcript(
      `a panic before the first byte, errorFunc "${errorFunc}"`,
      [
        {
          req: { ops: [put('a'), { op: 'panic', body: 'ouch' }] },
          out: {
            ...cut,
            ran: true,
            results: [
              { op: 'put', key: 'a' },
              { op: 'panic', panic: 'ouch' },
            ],
            calls: [],
          },
        },
        { dump: 'S', out: { rows: [] } },
      ],
      { managers: [{ errorFunc }] },
    ),
  ),
  transcript('two renewals', [
    first,
    ask(
      [{ op: 'renewToken' }, { op: 'renewToken' }],
      [find('<T1>'), drop('<T1>'), drop('<T2>'), commit('<T3>', 'a')],
      cookie('<T3>'),
    ),
  ]),
  transcript('a renewal after destroy', [
    first,
    ask(
      [{ op: 'destroy' }, { op: 'renewToken' }],
      [find('<T1>'), drop('<T1>'), commit('<T2>')],
      cookie('<T2>'),
    ),
  ]),
  transcript('a late remove', [
    first,
    ask([write, { op: 'remove', key: 'a' }], [find('<T1>')], { body: 'x', jar }),
    ask([{ op: 'keys' }], [find('<T1>')], { jar }, { 0: { r: ['a'] } }),
  ]),
  transcript('a late destroy', [
    first,
    ask([write, { op: 'destroy' }], [find('<T1>'), drop('<T1>')], { body: 'x', jar }),
    { dump: 'S', out: { rows: [] } },
  ]),
  transcript('a late renewal', [
    first,
    ask([write, { op: 'renewToken' }], [find('<T1>'), drop('<T1>')], { body: 'x', jar }),
    { dump: 'S', out: { rows: [] } },
  ]),
  transcript('a row that iterate cannot decode', [
    first,
    { ctl: { op: 'storePut', token: 'bad', hex: '00', expiryInMs: 60_000 }, out: { err: '' } },
    ask(
      [{ op: 'iterate', ops: [{ op: 'keys' }] }],
      [find('<T1>'), { call: 'all', store: 'S', tokens: ['<T1>', 'bad'] }],
      { jar },
      { 0: { err: 'EOF' } },
    ),
  ]),
  transcript('a quoted token', [
    first,
    ask([{ op: 'keys' }], [find('<T1>')], { jar }, { 0: { r: ['a'] } }, [
      ['Cookie', 'session="{{T1}}"'],
    ]),
  ]),
  transcript(
    'the empty token, hashed, in mergeSession',
    [
      ask([{ op: 'mergeSession', token: '' }], [find('<H:empty>', false)], { jar: {} }),
      ask([{ op: 'status' }], [find('<T1>', false)], { jar: {} }, { 0: { r: 'Unmodified' } }, [
        ['Cookie', 'session=a%20b'],
      ]),
    ],
    { managers: [{ hashTokenInStore: true }] },
  ),
]
