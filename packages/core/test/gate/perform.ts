import type { ServerResponse } from 'node:http'
import type { Http2ServerResponse } from 'node:http2'
import { setImmediate as turn } from 'node:timers/promises'
import { joinsChunks } from './departures.ts'
import { codeOf, Player } from './player.ts'
import type { Step } from './program.ts'

/** What a handler saw of its response: of its own calls, and of what it was told. */
export interface Observations {
  /** A line for each step: how the call went, and what the response said of itself then. */
  readonly steps: readonly string[]
  /** Callbacks of writes and of the end, `finish` and `close`, in order. */
  readonly told: readonly string[]
  readonly errors: readonly string[]
  /** Whether the response could not be ended. */
  readonly abandoned: boolean
}

/** How this server is to be treated differently; see `departures.ts`. */
export interface Manners {
  readonly isHttp2: boolean
  /** Calls that are left out once the headers have, as the handler sees it, been sent. */
  skips(step: Step, res: ServerResponse): boolean
}

const writeAfterEnd = 'Error ERR_STREAM_WRITE_AFTER_END'

/** Plays the steps of a handler on its response. Resolves when they are done and the response is closed. */
export async function perform(
  res: ServerResponse,
  steps: readonly Step[],
  manners: Manners,
): Promise<Observations> {
  const told: string[] = []
  const errors: string[] = []
  const lines: string[] = []
  // Two managers, a pipeline and this function listen for its close.
  res.setMaxListeners(20)
  const closed = closeOf(res)
  res.on('finish', () => told.push('finish'))
  res.on('close', () => told.push('close'))
  res.on('error', (error) => {
    // See the ninth of the departures.
    if (codeOf(error) !== writeAfterEnd) errors.push(codeOf(error))
  })
  const player = new Player(res, closed, told, manners.isHttp2)
  for (const step of steps) {
    let line: string | Promise<string> = 'left out'
    if (!manners.skips(step, res)) line = player.play(step)
    // What does not wait is done in one turn.
    if (typeof line !== 'string') line = await line
    lines.push(`${step.do}: ${line}; ${stateOf(res, player.isEnded, manners)}`)
  }
  const abandoned = !rescue(res, player.isEnded)
  await closed
  await turn()
  return { steps: lines, told, errors, abandoned }
}

// Node does not tell of the close of a HEAD over HTTP/2 that was cut, nor of a pipelined response whose turn never came.
function closeOf(res: ServerResponse | Http2ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    if ('stream' in res) res.stream.once('close', resolve)
    else {
      res.once('close', resolve)
      res.req.socket.once('close', () => setImmediate(resolve))
    }
  })
}

// For a handler whose arguments left it without an end.
function rescue(res: ServerResponse, isEnded: boolean): boolean {
  try {
    if (!res.headersSent) res.removeHeader('Trailer')
    if (!isEnded) {
      res.strictContentLength = false
      res.end()
    }
    if (res.headersSent) return true
  } catch {
    // Not even that.
  }
  res.destroy()
  return false
}

function stateOf(res: ServerResponse, isEnded: boolean, { isHttp2 }: Manners): string {
  const { headersSent, writable, writableCorked } = res
  const flags = { headersSent, writable }
  const set = Object.entries(flags).flatMap(([name, value]) => (value ? [name] : []))
  const status = isHttp2 ? res.statusCode : `${res.statusCode} ${res.statusMessage}`
  // A stream of HTTP/2 without a body is uncorked by its head; for Node 26 see the seventh of the departures.
  if (!isHttp2 && !joinsChunks && !isEnded && writableCorked > 0)
    set.push(`corked ${writableCorked}`)
  return `${set.join(' ')}, ${status}`
}
