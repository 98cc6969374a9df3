// The scripted server that the golden transcripts are played to: session managers made from a transcript's `config`,
// and a handler that performs the operations a request carries. golden/README.md describes the format.
//
//   REF_ADDR=127.0.0.1:4321 REF_CONFIG='{}' node packages/core/test/golden-server.ts
//
// Node runs it as it is; SIGTERM ends it.

import { once } from 'node:events'
import { realpathSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { contextOf, type SessionManager } from '../src/index.ts'
import { type Config, managersOf, storesOf } from './golden-server/config.ts'
import { type ControlOperation, control, type Tracked } from './golden-server/control.ts'
import { messageOf } from './golden-server/error-funcs.ts'
import { type Exchange, type Operation, perform } from './golden-server/operations.ts'
import type { Pace } from './golden-server/recorded-store.ts'

export type { Config } from './golden-server/config.ts'

/** A server that is listening. */
export interface GoldenServer {
  readonly url: string
  /** Closes the server and every connection. */
  close(): Promise<void>
}

// The longest cookies of the transcripts have 64 KB, and operations travel in a header too.
const maxHeaderSize = 1 << 20

type Handler = (req: IncomingMessage, res: ServerResponse) => unknown

interface Request extends Tracked {
  readonly operations: readonly Operation[]
  /** To be called when the handler has ended. */
  readonly handled: () => void
}

/**
 * Starts a server for one transcript. Rejects with a TypeError that names the setting when a manager refuses its
 * settings.
 *
 * @param address where to listen; default: a free port of 127.0.0.1
 * @param pace when the stores answer; default: at once
 */
export async function startGoldenServer(
  config: Config,
  { host = '127.0.0.1', port = 0 }: { host?: string; port?: number } = {},
  pace: Pace = 'now',
): Promise<GoldenServer> {
  let calls: object[] = []
  const requests = new Map<string, Request>()
  const byMessage = new WeakMap<IncomingMessage, Request>()
  const stores = storesOf(config, (call) => calls.push(call), pace)
  const managers = managersOf(config, stores)
  const handler = layered(config, managers, (req, res) =>
    handle(req, res, byMessage, { managers, pace }),
  )

  const controlled = {
    stores,
    requests,
    takeCalls() {
      const taken = calls
      calls = []
      return taken
    },
  }

  async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const body = await bodyOf(req)
    if (req.method === 'POST' && req.url === '/__ctl') {
      const answered = await control(JSON.parse(body) as ControlOperation, controlled)
      res.setHeader('Content-Type', 'application/json')
      res.end(JSON.stringify(answered))
      return
    }
    const request = requestOf(operationsOf(req, body), res)
    byMessage.set(req, request)
    const id = req.headers['x-ref-id']
    if (typeof id === 'string') requests.set(id, request)
    try {
      await handler(req, res)
    } catch {
      // As Go does with a panic that nobody recovers.
      res.destroy()
    }
  }

  const server = createServer({ maxHeaderSize, requireHostHeader: false }, (req, res) => {
    answer(req, res).catch((error: unknown) => {
      res.statusCode = 400
      res.end(messageOf(error))
    })
  })
  server.listen(port, host)
  await once(server, 'listening')
  const bound = server.address() as AddressInfo
  return {
    url: `http://${host}:${bound.port}`,
    async close() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

function layered(config: Config, managers: readonly SessionManager[], handler: Handler): Handler {
  const layers = config.layers ?? managers.map((_, index) => index)
  let wrapped = handler
  for (const index of layers.toReversed()) {
    const manager = managers[index]
    if (manager === undefined) throw new TypeError(`layers: there is no manager ${index}`)
    wrapped = manager.loadAndSave(wrapped)
  }
  return async (req, res) => {
    for (const [name, value] of config.outerHeaders ?? []) res.appendHeader(name, value)
    try {
      await wrapped(req, res)
    } catch (error) {
      if (!config.outerRecover) throw error
      if (!res.headersSent) res.writeHead(500)
      res.end(`recovered: ${messageOf(error)}`)
    }
  }
}

async function handle(
  req: IncomingMessage,
  res: ServerResponse,
  byMessage: WeakMap<IncomingMessage, Request>,
  made: Pick<Exchange, 'managers' | 'pace'>,
): Promise<void> {
  const request = byMessage.get(req)
  if (request === undefined) throw new TypeError('the request was not announced')
  request.ran = true
  try {
    const exchange = { req, res, ...made, results: request.results }
    await perform(request.operations, contextOf(req), exchange, request.results)
    res.end()
  } finally {
    request.handled()
  }
}

function requestOf(operations: readonly Operation[], res: ServerResponse): Request {
  let handled = () => {}
  const handlerEnd = new Promise<void>((resolve) => {
    handled = resolve
  })
  // The close of the response is the last moment for a late commit; what else listens for it comes first.
  const responseEnd = new Promise<void>((resolve) => {
    res.once('close', () => setImmediate(resolve))
  })
  const request: Request = {
    operations,
    ran: false,
    results: [],
    done: responseEnd.then(() => (request.ran ? handlerEnd : undefined)),
    handled,
  }
  return request
}

function operationsOf(req: IncomingMessage, body: string): readonly Operation[] {
  const header = req.headers['x-ref-ops']
  const text = typeof header === 'string' ? header : body
  if (text === '') return []
  const parsed = JSON.parse(text) as readonly Operation[] | { ops?: readonly Operation[] }
  return 'ops' in parsed ? (parsed.ops ?? []) : Array.isArray(parsed) ? parsed : []
}

async function bodyOf(req: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of req) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}

/** Listens as the environment says; a setting that is refused ends the process with its message. */
async function main(): Promise<void> {
  const [, host, port = '0'] = /^(.*):(\d+)$/.exec(process.env.REF_ADDR ?? '127.0.0.1:0') ?? []
  try {
    const config = JSON.parse(process.env.REF_CONFIG || '{}') as Config
    const server = await startGoldenServer(config, {
      host: host || '127.0.0.1',
      port: Number(port),
    })
    process.once('SIGTERM', () => {
      server.close().then(() => process.exit(0))
    })
    console.log(`listening on ${server.url}`)
  } catch (error) {
    console.error(`golden-server: ${messageOf(error)}`)
    process.exitCode = 1
  }
}

const [, started] = process.argv
if (started && realpathSync(started) === fileURLToPath(import.meta.url)) await main()
