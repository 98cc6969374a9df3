// Transcripts of which only the steps are written down: SCS's answers are those of the model. Each is for a departure, and
// for what follows from it in the same request and in later ones.

import type { Config } from '../golden-server/config.ts'
import type { ControlOperation } from '../golden-server/control.ts'
import type { Operation } from '../golden-server/operations.ts'
import type { RequestSpec, Step } from './transcript.ts'

interface Story {
  readonly name: string
  readonly steps: readonly Step[]
  readonly config?: Config
}

const ask = (...ops: readonly Operation[]): Step => ({ req: { ops } })
const askAs = (request: RequestSpec, ...ops: readonly Operation[]): Step => ({
  req: { ...request, ops },
})
const withCookie = (value: string, ...ops: readonly Operation[]): Step =>
  askAs({ headers: [['Cookie', `session=${value}`]] }, ...ops)
const fail = (call: 'find' | 'commit' | 'delete', count = 1, store = 'S'): Step => ({
  ctl: { op: 'fail', call, count, msg: `${call} broke`, store },
})
const row = (token: string, more: Partial<ControlOperation>): Step => ({
  ctl: { op: 'storePut', token, expiryInMs: 90_000, deadlineInMs: 60_000, ...more },
})
const json = (token: string, text: string): Step =>
  row(token, { hex: Buffer.from(text).toString('hex') })

const op = (name: string, more: Partial<Operation> = {}): Operation => ({ op: name, ...more })
const put = (key: string, more: Partial<Operation> = { t: 'int', v: '1' }): Operation =>
  op('put', { key, ...more })
const write = op('writeBody', { body: 'x' })
const flush = op('flush')
const commit = op('commit')
const renew = op('renewToken')
const destroy = op('destroy')
const panic = op('panic', { body: 'ouch' })
const func = put('f', { t: 'func' })
const state = [op('status'), op('token'), op('keys'), op('deadline')]
const dump: Step = { dump: 'S' }
const look = [ask(...state), dump]
const first = ask(put('a'))
const of = (m: number, operation: Operation): Operation => ({ ...operation, m })

const lateOperations: readonly Operation[] = [
  put('b'),
  op('remove', { key: 'a' }),
  op('pop', { key: 'a' }),
  op('popInt', { key: 'a' }),
  op('clear'),
  op('rememberMe', { v: true }),
  op('setDeadline', { inMs: 60_000 }),
  op('mergeSession', { token: 'other' }),
  destroy,
  renew,
  commit,
  func,
]

const other = row('other', { values: { o: { t: 'int', v: '1' } } })

const late: readonly Story[] = lateOperations.flatMap((operation) =>
  [write, flush, op('writeHeader', { code: 204 })].flatMap((output) => [
    {
      name: `${operation.op} ${operation.key ?? ''} after ${output.op}, in a session of the client`,
      steps: [other, first, ask(output, operation, ...state, put('c'), ...state), ...look],
    },
    {
      name: `${operation.op} ${operation.key ?? ''} after ${output.op}, in a new session`,
      steps: [other, ask(output, operation, ...state, put('c'), commit, ...state), ...look],
    },
    {
      name: `${operation.op} ${operation.key ?? ''} after ${output.op}, in a session with a cookie`,
      steps: [other, ask(put('a'), output, operation, ...state, commit, ...state), ...look],
    },
  ]),
)

const lateFailures: readonly Story[] = ['commit', 'delete'].flatMap((call) =>
  lateOperations.map((operation) => ({
    name: `${operation.op} ${operation.key ?? ''} after the first byte, where ${call} fails`,
    steps: [
      other,
      first,
      fail(call as 'commit'),
      ask(write, operation, ...state),
      fail(call as 'commit', 0),
      ...look,
    ],
  })),
)

const headers: readonly Story[] = [
  ...[write, flush, op('writeHeader', { code: 201 })].map((output) => ({
    name: `the header lines after ${output.op}`,
    steps: [
      ask(
        op('setCookie', { name: 'x', value: '1' }),
        put('a'),
        output,
        ...['Set-Cookie', 'Cache-Control', 'Vary'].map((name) => op('header', { name })),
      ),
    ],
  })),
  {
    name: 'the header lines after writeSessionCookie, also in a body',
    steps: [
      ask(
        op('writeSessionCookie', { token: 'tok', inMs: 60_000 }),
        op('header', { name: 'Set-Cookie' }),
        op('writeResults'),
      ),
    ],
  },
]

const cookies: readonly Story[] = ['a b', 'a,b', 'ü', '50%', 'a"b', 'a;b', 'a\\b', '"a"', ''].map(
  (token) => ({
    name: `writeSessionCookie with the value ${token}`,
    steps: [
      ask(op('writeSessionCookie', { token, inMs: 60_000 })),
      ask(...state),
      ask(op('writeSessionCookie', { token, at: 'zero' })),
      ask(...state),
    ],
  }),
)

const reading: readonly Story[] = [
  ...['a b', '{{repeat x 44}}', 'a+b/c==', 'ü', 'a%20b'].map((token) => ({
    name: `a row under the token ${token}`,
    steps: [
      row(token, { values: { o: { t: 'int', v: '1' } } }),
      withCookie(token, ...state, put('b'), ...state),
      dump,
      ask(op('mergeSession', { token }), ...state),
      ask(op('loadNew', { token, ops: state })),
      withCookie(token, destroy),
      ...look,
    ],
  })),
  ...['"{{seen 0}}"', '{{seen 0}}\t', '\t{{seen 0}} ; x=y', '{{tamper seen 0}}'].map((value) => ({
    name: `the cookie value ${JSON.stringify(value)}`,
    steps: [first, withCookie(value, ...state, put('b')), withCookie(value, destroy), ...look],
  })),
]

const past: readonly Story[] = [
  [put('b')],
  [destroy],
  [renew],
  [op('pop', { key: 'a' })],
  [op('clear')],
  [commit],
  [op('setDeadline', { inMs: 60_000 })],
  [op('mergeSession', { token: 'gone' })],
  [op('iterate', { ops: state })],
  [op('loadNew', { token: 'gone', ops: state })],
].map((ops) => ({
  name: `${ops[0]?.op} where the deadline of a row has passed`,
  steps: [
    row('gone', { values: { a: { t: 'int', v: '1' } }, deadlineInMs: -5000 }),
    withCookie('gone', ...state, ...ops, ...state),
    dump,
    ...look,
  ],
}))

const renewals: readonly Story[] = [
  { name: 'a renewal whose commit fails', ops: [renew] },
  { name: 'a renewal whose commit fails, and is repeated', ops: [renew, commit, commit] },
  { name: 'a renewal whose commit fails, and another', ops: [renew, commit, renew, commit] },
  { name: 'a renewal whose commit fails, and a logout', ops: [renew, commit, destroy] },
  { name: 'a renewal, a commit that fails, and values', ops: [put('b'), renew, commit, put('c')] },
  {
    name: 'a renewal of a new session whose commit fails',
    ops: [renew, commit, commit],
    fresh: true,
  },
].flatMap(({ name, ops, fresh = false }) =>
  ['commit', 'delete'].flatMap((call) =>
    [1, 2, -1].map((count) => ({
      name: `${name}: ${call} fails ${count} times`,
      steps: [
        ...(fresh ? [] : [first]),
        fail(call as 'commit', count),
        ask(...ops, ...state),
        fail(call as 'commit', 0),
        dump,
        ...look,
        ask(destroy),
        dump,
      ],
    })),
  ),
)

const failing: readonly Story[] = ['', 'custom', 'silent'].flatMap((errorFunc) => [
  {
    name: `an explicit commit that fails, errorFunc "${errorFunc}"`,
    config: { managers: [{ errorFunc }] },
    steps: [
      fail('commit'),
      ask(put('a'), commit, ...state, op('writeResults')),
      ...look,
      fail('commit', 2),
      ask(put('b'), commit, ...state),
      ...look,
    ],
  },
  ...[[write], [flush], [op('redirect', { value: '/next', code: 303 })], []].map((output) => ({
    name: `a commit that fails at ${output[0]?.op ?? 'the end'}, errorFunc "${errorFunc}"`,
    config: { managers: [{ errorFunc }], outerHeaders: [['X-Outer', '1'] as const] },
    steps: [
      first,
      fail('commit'),
      ask(
        put('b'),
        op('setHeader', { name: 'X-A', value: 'b' }),
        ...output,
        ...state,
        put('c'),
        op('header', { name: 'X-A' }),
      ),
      ...look,
    ],
  })),
])

const pair = (more: object = {}): Config => ({
  stores: { P: {}, Q: {} },
  managers: [
    { store: 'P', cookie: { name: 's0' }, ...more },
    { store: 'Q', cookie: { name: 's1' }, ...more },
  ],
})
const both = [put('a'), of(1, put('b'))]
const dumps: readonly Step[] = [{ dump: 'P' }, { dump: 'Q' }]

const nested: readonly Story[] = ['', 'custom', 'silent'].flatMap((errorFunc) =>
  (['P', 'Q'] as const).flatMap((store) => [
    ...[[write], [flush], []].map((output) => ({
      name: `two managers, a commit of ${store} fails, ${output[0]?.op ?? 'no output'}, "${errorFunc}"`,
      config: pair({ errorFunc }),
      steps: [
        fail('commit', 1, store),
        ask(...both, ...output, ...state, ...state.map((each) => of(1, each)), put('late')),
        ...dumps,
        ask(...state),
        ...dumps,
      ],
    })),
    {
      name: `two managers, a find of ${store} fails, "${errorFunc}"`,
      config: pair({ errorFunc, idleTimeoutMs: 20_000 }),
      steps: [ask(...both), fail('find', 1, store), ask(...state), ask(...state)],
    },
  ]),
)

const panics: readonly Story[] = [undefined, { outerRecover: true }].flatMap((config) =>
  [
    { name: 'before the first byte', ops: [put('b'), panic] },
    { name: 'after the first byte', ops: [put('b'), write, panic] },
    { name: 'after the first byte and a late change', ops: [write, put('b'), panic] },
    { name: 'after a flush', ops: [flush, panic] },
    { name: 'after a logout', ops: [destroy, panic] },
    { name: 'in a visit of all sessions', ops: [op('iterate', { ops: [panic] })] },
    { name: 'of a put without a session', ops: [op('noCtx', { ops: [put('b')] }), put('c')] },
  ].flatMap(({ name, ops }) => [
    {
      name: `a panic ${name}${config ? ', recovered outside' : ''}`,
      steps: [first, ask(...ops), ...look],
      ...(config ? { config } : {}),
    },
    {
      name: `a panic ${name} with two managers${config ? ', recovered outside' : ''}`,
      steps: [ask(...both), ask(...ops, of(1, put('c'))), ...dumps],
      config: { ...pair(), ...config },
    },
  ]),
)

const zoned = '2020-01-01T02:00:00.123456789+02:00'
const values: readonly Partial<Operation>[] = [
  { t: 'time.Time', v: zoned },
  { t: 'time.Time', v: '{{now+5000ms}}' },
  {
    t: 'map[string]int',
    v: [
      [
        { t: 'string', v: 'k' },
        { t: 'int', v: '1' },
      ],
    ],
  },
  {
    t: 'map[string]string',
    v: [
      [
        { t: 'string', v: 'k' },
        { t: 'string', v: 'v' },
      ],
    ],
  },
  {
    t: '[]interface {}',
    v: [
      { t: 'int32', v: '1' },
      { t: 'time.Time', v: zoned },
    ],
  },
  { t: '[]interface {}', v: [{ t: 'chan' }] },
  {
    t: 'map[string]interface {}',
    v: [
      [
        { t: 'string', v: 'k' },
        { t: '[]string', v: [{ t: 'string', v: 'x' }] },
      ],
    ],
  },
  { t: '[]time.Time', v: [{ t: 'time.Time', v: '2020-01-01T00:00:00Z' }] },
  { t: 'chan' },
  { t: 'int', v: '9007199254740993' },
  { t: 'int64', v: '-9223372036854775808' },
  { t: 'float64', v: '-0' },
  { t: 'float64', v: 'NaN' },
  { t: 'float64', v: '3' },
  { t: 'float32', v: '1.1' },
]
const getters = ['get', 'getTime', 'getInt', 'getInt32', 'getInt64', 'getFloat', 'getString']

const kinds: readonly Story[] = values.flatMap((value) =>
  [false, true].map((registerGob) => ({
    name: `a ${value.t} ${JSON.stringify(value.v) ?? ''}${registerGob ? ', registered' : ''}`,
    config: { registerGob },
    steps: [
      first,
      ask(put('v', value), ...getters.map((name) => op(name, { key: 'v' })), commit, ...state),
      ask(...getters.map((name) => op(name, { key: 'v' })), op('popTime', { key: 'v' })),
      ...look,
    ],
  })),
)

const jsonCodec: Config = { managers: [{ codec: 'json' }] }
const codecs: readonly Story[] = [
  {
    name: 'rows of plain JSON: names in any case, no deadline, no values',
    config: jsonCodec,
    steps: [
      json('lower', '{"deadline":"2050-01-01T00:00:00Z","values":{"a":1}}'),
      json('upper', '{"DEADLINE":"2050-01-01T02:00:00+02:00","VALUES":{"a":"x"}}'),
      json('none', '{}'),
      json('null', '{"Deadline":"2050-01-01T00:00:00Z","Values":null}'),
      json('number', '{"Deadline":1,"Values":{}}'),
      json('list', '[]'),
      json('broken', '{'),
      dump,
      ...['lower', 'upper', 'none', 'null', 'number', 'list', 'broken'].map((token) =>
        withCookie(token, ...state, put('b'), ...state),
      ),
      ask(op('mergeSession', { token: 'lower' }), op('mergeSession', { token: 'null' }), ...state),
      dump,
    ],
  },
  {
    name: 'times through plain JSON',
    config: jsonCodec,
    steps: [
      ask(put('t', { t: 'time.Time', v: zoned }), op('getTime', { key: 't' })),
      ask(op('get', { key: 't' }), op('getTime', { key: 't' }), op('getString', { key: 't' })),
    ],
  },
  {
    name: 'a nil map that is merged, and merged into',
    steps: [
      row('nil', { nilValues: true }),
      row('full', { values: { o: { t: 'int', v: '1' } } }),
      ask(op('mergeSession', { token: 'nil' }), ...state),
      row('nil', { nilValues: true }),
      withCookie('nil', op('mergeSession', { token: 'full' }), ...state),
      dump,
    ],
  },
]

const keys: readonly Story[] = [
  {
    name: 'rememberMe, its key and clear, where cookies end with the browser',
    config: { managers: [{ cookie: { persist: false } }] },
    steps: [
      ask(put('a'), op('rememberMe', { v: true })),
      ask(op('clear'), ...state),
      ask(op('pop', { key: '__rememberMe' }), ...state),
      ask(put('__rememberMe', { t: 'bool', v: true }), op('get', { key: '__rememberMe' })),
      ask(op('remove', { key: '__rememberMe' }), op('exists', { key: '__rememberMe' })),
      dump,
    ],
  },
  {
    name: "the manager's own keys",
    steps: [
      ask(put('__write'), put('a'), ...state),
      row('own', { values: { a: { t: 'int', v: '1' } } }),
      ...look,
    ],
  },
  {
    name: 'hashed tokens: a renewal, a visit, a merger and a logout',
    config: { managers: [{ hashTokenInStore: true }] },
    steps: [
      first,
      ask(renew, write, put('late'), ...state),
      askAs({ jar: 'B' }, put('b')),
      askAs({ jar: 'B' }, op('mergeSession', { token: '{{seen 1}}' }), ...state),
      ask(op('iterate', { ops: [op('token'), op('keys'), commit] })),
      askAs({ jar: 'B' }, destroy),
      dump,
    ],
  },
]

const idle: Config = { managers: [{ idleTimeoutMs: 20_000 }] }
const touches: readonly Story[] = [
  { name: 'only reads', ops: [op('get', { key: 'a' })] },
  { name: 'only reads, and flushes', ops: [flush, write] },
  { name: 'commits what it has not changed', ops: [commit, ...state] },
  { name: 'changes something', ops: [put('b')] },
  { name: 'takes away what is not there', ops: [op('remove', { key: 'x' })] },
  { name: 'renews', ops: [renew] },
  { name: 'logs out', ops: [destroy] },
  { name: 'changes something too late', ops: [write, put('b')] },
].map(({ name, ops }) => ({
  name: `a commit that fails with an idle timeout, in a request that ${name}`,
  config: idle,
  steps: [first, fail('commit'), ask(...ops), ...look, fail('commit', -1), ask(...ops, ...state)],
}))

const sizes: readonly Story[] = ['gob', 'json'].flatMap((codec) =>
  [900_000, 1_000_100].map((length) => ({
    name: `a session of ${length} bytes, codec ${codec}`,
    config: { managers: [{ codec }] },
    steps: [
      first,
      ask(put('big', { t: 'string', v: `{{repeat x ${length}}}` }), commit),
      ask(...state),
      row('huge', { values: { big: { t: 'string', v: `{{repeat x ${length}}}` } } }),
      withCookie('huge', ...state, op('remove', { key: 'big' })),
    ],
  })),
)

const manyCookies: readonly Story[] = [
  'session=; session={{seen 0}}',
  'session=%00bad; session={{seen 0}}',
  'session=nosuch; session={{seen 0}}',
  'session={{seen 0}}; session=nosuch',
  'session={{seen 0}}; session={{seen 0}}',
  'session=bad; session={{seen 0}}',
  'session=bad; session=nosuch',
  'session=gone; session={{seen 0}}',
  'session=a; session=b; session=c; session=d; session={{seen 0}}',
].flatMap((cookie) =>
  [[...state], [put('b')], [destroy, ...state], [renew]].map((ops) => ({
    name: `${ops[0]?.op} with the cookies ${cookie}`,
    steps: [
      first,
      row('bad', { hex: '00' }),
      row('gone', { values: {}, deadlineInMs: -5000 }),
      askAs({ headers: [['Cookie', cookie]] }, ...ops),
      dump,
    ],
  })),
)

const names: readonly Story[] = [
  {
    name: 'two managers with one cookie name',
    config: { managers: [{}, { errorFunc: 'custom' }] },
    steps: [ask(put('a')), ask(...state)],
  },
  {
    name: 'one manager twice',
    config: { managers: [{}], layers: [0, 0] },
    steps: [ask(put('a')), ask(...state), ask(destroy)],
  },
  {
    name: "a handler's cookie of the session's name",
    steps: [
      ask(op('setCookie', { name: 'session', value: 'mine' }), put('a')),
      ask(op('writeSessionCookie', { token: 'tok', inMs: 60_000 }), put('b')),
      ask(op('addHeader', { name: 'Set-Cookie', value: 'session=x; Path=/other' }), put('c')),
      ask(op('addHeader', { name: 'Set-Cookie', value: 'session=x; Path=/' }), destroy),
    ],
  },
]

/** Every one of them. */
export const stories: readonly Story[] = [
  ...late,
  ...lateFailures,
  ...headers,
  ...cookies,
  ...reading,
  ...past,
  ...renewals,
  ...failing,
  ...nested,
  ...panics,
  ...kinds,
  ...codecs,
  ...keys,
  ...touches,
  ...manyCookies,
  ...names,
  ...sizes,
]
