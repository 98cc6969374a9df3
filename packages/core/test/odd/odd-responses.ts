import { EventEmitter } from 'node:events'
import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { Writable } from 'node:stream'
import { throwing } from './odd-requests.ts'
import type { Random } from './random.ts'

/** What a listener may be called with in place of a response. */
export function oddResponse(random: Random): unknown {
  // A write after the end is an error of the response, as with Node alone.
  const whole = () =>
    new ServerResponse(new IncomingMessage(new Socket())).on('error', () => {}) as ServerResponse
  return random.of<() => unknown>([
    () => partial(random),
    () => partial(random),
    () => partial(random),
    () => partial(random),
    () => withPrototype(partial(random)),
    () => throwing(partial(random), random),
    whole,
    () => connected(whole(), random),
    () => connected(whole(), random),
    () => Object.freeze(whole()),
    () => Object.preventExtensions(whole()),
    () => without(whole(), random),
    () => Object.freeze(partial(random)),
    () => ({}),
    () => undefined,
    () => null,
    () => 42,
  ])()
}

// As wrappers for serverless platforms do it: a socket that only takes what is written.
function connected(res: ServerResponse, random: Random): ServerResponse {
  const socket = random.chance(50)
    ? new Writable({ write: (_chunk, _encoding, done) => setImmediate(done) })
    : {
        writable: true,
        on() {},
        write: () => random.of([true, false, undefined]),
        cork() {},
        uncork() {},
      }
  res.assignSocket(socket as Socket)
  if (random.chance(20)) setImmediate(() => res.emit('close'))
  return res
}

// As Express does it. What then is missing is Node's own, which fails on an object that Node has not made.
function withPrototype(res: object): object {
  return Object.setPrototypeOf({ ...sane(), ...res }, ServerResponse.prototype)
}

// Not without `emit`: Node itself calls it in turns of its own, where an error ends the process.
function without(res: ServerResponse, random: Random): ServerResponse {
  const name = random.of(['write', 'end', 'on', 'getHeaderNames', 'setHeader', 'once'])
  return Object.assign(res, {
    [name]: random.of<unknown>([undefined, null, 1, 'text', throwingMethod]),
  })
}

const throwingMethod = () => {
  throw new Error('an odd method')
}

function sane(): Record<string, (...args: unknown[]) => unknown> {
  const headers = new Map<string, unknown>()
  return {
    setHeader: (name, value) => headers.set(String(name).toLowerCase(), value),
    getHeader: (name) => headers.get(String(name).toLowerCase()),
    getHeaders: () => Object.fromEntries(headers),
    getHeaderNames: () => [...headers.keys()],
    hasHeader: (name) => headers.has(String(name).toLowerCase()),
    removeHeader: (name) => headers.delete(String(name).toLowerCase()),
    write: () => true,
    end: () => undefined,
    writeHead: () => undefined,
    destroy: () => undefined,
  }
}

const methods = [
  ...['writeHead', 'write', 'end', 'flushHeaders', 'setHeader', 'getHeader', 'getHeaders'],
  ...['getHeaderNames', 'hasHeader', 'removeHeader', 'appendHeader', 'addTrailers'],
  ...['on', 'once', 'emit', 'removeListener', 'destroy', 'cork', 'uncork'],
] as const

function partial(random: Random): object {
  const usual = sane()
  const odd = () =>
    random.of<(...args: unknown[]) => unknown>([
      () => undefined,
      () => null,
      () => 'odd',
      () => [1, { a: 1 }, null],
      () => Promise.resolve('odd'),
      throwingMethod,
    ])
  const missing = random.of([0, 0, 10, 40])
  const oddness = random.of([0, 0, 10, 40])
  const res: Record<string, unknown> = random.chance(50) ? (new EventEmitter() as never) : {}
  for (const name of methods) {
    if (random.chance(missing)) continue
    if (random.chance(oddness)) res[name] = odd()
    else if (usual[name]) res[name] = usual[name]
    else if (!(name in res)) res[name] = () => res
  }
  for (const name of ['statusCode', 'headersSent', 'finished', 'writableEnded', 'statusMessage']) {
    if (random.chance(missing)) continue
    const value = name === 'statusCode' ? 200 : name === 'statusMessage' ? 'OK' : false
    res[name] = random.chance(oddness) ? random.of<unknown>([null, 'odd', {}, true, -1]) : value
  }
  if (random.chance(20)) Object.defineProperty(res, 'socket', { get: throwingMethod })
  return res
}
