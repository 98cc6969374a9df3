// Transcripts that nobody recorded: what SCS would have answered is the model's word.

import fc from 'fast-check'
import type { RequestSpec, Step, Transcript } from '../golden-replay/transcript.ts'
import type { Config, ManagerConfig } from '../golden-server/config.ts'
import type { Operation } from '../golden-server/operations.ts'
import { asScsAnswers } from './scs-answers.ts'

const key = fc.constantFrom('a', 'b', 'c', '__rememberMe')
const tokenText = fc.oneof(
  { weight: 6, arbitrary: fc.nat(5).map((n) => `{{seen ${n}}}`) },
  {
    weight: 2,
    arbitrary: fc.constantFrom('old', 'bad', 'nil', 'past', 'live', '', 'a b', 'nosuch'),
  },
)
const value = fc.constantFrom<Partial<Operation>>(
  { t: 'int', v: '1' },
  { t: 'string', v: 'x' },
  { t: 'float64', v: '1.5' },
  { t: 'float64', v: '2' },
  { t: 'int32', v: '7' },
  { t: 'int64', v: '9007199254740993' },
  { t: 'bool', v: true },
  { t: 'nil' },
  { t: '[]byte', hex: '00ff' },
  { t: 'time.Time', v: '2020-01-01T02:00:00.123456789+02:00' },
  { t: 'time.Time', v: '{{now+5000ms}}' },
  { t: '[]string', v: [{ t: 'string', v: 'y' }] },
  {
    t: 'map[string]int',
    v: [
      [
        { t: 'string', v: 'k' },
        { t: 'int', v: '1' },
      ],
    ],
  },
  { t: '[]interface {}', v: [{ t: 'int', v: '1' }, { t: 'int32', v: '2' }, { t: 'nil' }] },
  { t: 'func' },
)

const op = (name: string, more: Partial<Operation> = {}): Operation => ({ op: name, ...more })

const onKey = fc
  .tuple(
    fc.constantFrom(
      'get',
      'pop',
      'remove',
      'exists',
      'getInt',
      'getString',
      'getFloat',
      'getTime',
      'getInt32',
      'getInt64',
      'getBytes',
      'getBool',
      'popInt',
      'popString',
    ),
    key,
  )
  .map(([name, key]) => op(name, { key }))

const plain = fc
  .constantFrom(
    'keys',
    'clear',
    'destroy',
    'renewToken',
    'deadline',
    'token',
    'status',
    'commit',
    'keys',
    'status',
    'renewToken',
    'destroy',
    'commit',
  )
  .map((name) => op(name))

const put = fc.tuple(key, value).map(([key, value]) => op('put', { key, ...value }))
const lasting: fc.Arbitrary<Partial<Operation>> = fc.constantFrom(
  { inMs: 60_000 },
  { inMs: -60_000 },
  { at: 'zero' },
  { at: '2050-01-01T00:00:00Z' },
  { at: '2050-01-01T02:00:00.123456789+02:00' },
)

const output = fc.oneof(
  fc.constantFrom(
    op('writeBody', { body: 'x' }),
    op('writeBody', { body: '' }),
    op('copyBody', { body: '' }),
    op('copyBody', { body: 'y' }),
    op('writeResults'),
    op('flush'),
    op('writeHeader', { code: 204 }),
    op('writeHeader', { code: 201 }),
    op('writeHeader', { code: 103 }),
    op('httpError', { body: 'oops', code: 500 }),
    op('redirect', { value: '/next', code: 303 }),
    op('setHeader', { name: 'Cache-Control', value: 'public, max-age=60' }),
    op('addHeader', { name: 'X-A', value: 'b' }),
    op('delHeader', { name: 'Vary' }),
    op('header', { name: 'Set-Cookie' }),
    op('header', { name: 'Vary' }),
    op('header', { name: 'Cache-Control' }),
    op('setCookie', { name: 'x', value: '1' }),
    op('panic', { body: 'ouch' }),
  ),
)

const nested = fc.array(fc.oneof(onKey, plain, put), { maxLength: 3 })

// The order of sessions is nobody's: nothing that depends on it.
const visiting = fc.array(
  fc.oneof(
    onKey,
    put,
    fc.constantFrom('keys', 'status', 'destroy').map((name) => op(name)),
  ),
  { maxLength: 3 },
)

const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 5, arbitrary: put },
  { weight: 3, arbitrary: onKey },
  { weight: 6, arbitrary: plain },
  { weight: 5, arbitrary: output },
  { weight: 1, arbitrary: fc.boolean().map((v) => op('rememberMe', { v })) },
  { weight: 1, arbitrary: lasting.map((time) => op('setDeadline', time)) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom('tok', '{{seen 0}}', 'a b', 'ü', '50%'), lasting)
      .map(([token, time]) => op('writeSessionCookie', { token, ...time })),
  },
  { weight: 2, arbitrary: tokenText.map((token) => op('mergeSession', { token })) },
  { weight: 1, arbitrary: visiting.map((ops) => op('iterate', { ops })) },
  {
    weight: 1,
    arbitrary: fc.tuple(tokenText, nested).map(([token, ops]) => op('loadNew', { token, ops })),
  },
  { weight: 1, arbitrary: nested.map((ops) => op('noCtx', { ops })) },
)

function request(managers: number): fc.Arbitrary<RequestSpec> {
  const chosen = fc.tuple(operation, fc.nat(managers - 1)).map(([op, m]) => (m ? { ...op, m } : op))
  return fc.record({
    ops: fc.array(chosen, { minLength: 1, maxLength: 7 }),
    method: fc.constantFrom('POST', 'POST', 'POST', 'GET', 'HEAD'),
    jar: fc.constantFrom('A', 'A', 'A', 'B', ''),
    headers: fc.oneof(
      { weight: 4, arbitrary: fc.constant([]) },
      {
        weight: 1,
        arbitrary: tokenText.map((token) => [['Cookie', `s0=${token}; s1=${token}`] as const]),
      },
    ),
  })
}

const failing = fc.record({
  call: fc.constantFrom('find', 'commit', 'delete', 'all') as fc.Arbitrary<'find'>,
  count: fc.constantFrom(1, 1, 2, -1, 0),
  store: fc.constantFrom('S', 'S', 'Q'),
})

const row: fc.Arbitrary<Step> = fc
  .constantFrom(
    { token: 'live', values: { a: { t: 'int', v: '1' } }, deadlineInMs: 60_000 },
    { token: 'past', values: { a: { t: 'int', v: '1' } }, deadlineInMs: -5000 },
    { token: 'nil', nilValues: true, deadlineInMs: 60_000 },
    { token: 'bad', hex: '00' },
    { token: 'old', hex: Buffer.from('{"values":{"q":1},"DEADLINE":null}').toString('hex') },
  )
  .map((row) => ({ ctl: { op: 'storePut', expiryInMs: 90_000, ...row } }))

function step(managers: number): fc.Arbitrary<Step> {
  return fc.oneof(
    { weight: 8, arbitrary: request(managers).map((req) => ({ req })) },
    {
      weight: 1,
      arbitrary: failing.map((failure) => ({ ctl: { op: 'fail', msg: 'broke', ...failure } })),
    },
    { weight: 1, arbitrary: row },
    { weight: 1, arbitrary: fc.constantFrom({ dump: 'S' }, { dump: 'Q' }) },
  )
}

const manager = fc.record<ManagerConfig>({
  idleTimeoutMs: fc.constantFrom(0, 0, 20_000),
  hashTokenInStore: fc.constantFrom(false, false, true),
  codec: fc.constantFrom('gob', 'gob', 'json'),
  errorFunc: fc.constantFrom('', 'custom'),
  store: fc.constantFrom('S', 'Q'),
})

/** Any transcript. */
export const randomTranscripts: fc.Arbitrary<Transcript> = fc
  .tuple(
    fc.array(manager, { minLength: 1, maxLength: 2 }),
    fc.boolean(),
    fc.boolean(),
    fc.constantFrom('', '', 'ctx', 'findctx', 'noiter'),
  )
  .chain(([managers, persist, registerGob, iface]) => {
    const config: Config = {
      registerGob,
      stores: { S: { iface }, Q: {} },
      managers: managers.map((manager, index) => ({
        ...manager,
        cookie: { name: `s${index}`, persist },
      })),
    }
    return fc
      .array(step(managers.length), { minLength: 2, maxLength: 6 })
      .map((steps) => asScsAnswers('random', steps, config))
  })
