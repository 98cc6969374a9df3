import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** A complete response. */
export interface Answer {
  readonly status: number
  readonly body: string
  readonly cookie: string | undefined
}

/** What the session server tells of a session. */
export interface Told {
  readonly count?: number
  readonly keys: readonly string[]
  /** What its `onError` has heard. */
  readonly reported: readonly string[]
}

/** A session server in a Node process of its own. */
export interface ServerProcess {
  readonly pid: number | undefined
  /** Rejects when the connection is cut before the response is complete, or nothing comes. */
  get(path: string, cookie?: string): Promise<Answer>
  close(): Promise<void>
}

// Far above the store timeout of the session server.
const patience = 20_000

/** Starts a session server on the database at `address`, through the driver of that name. @param program another one */
export async function startServerProcess(
  driver: string,
  address: string,
  program: URL = new URL('session-server.ts', import.meta.url),
): Promise<ServerProcess> {
  const child = spawn(
    process.execPath,
    ['--import', new URL('from-sources.ts', import.meta.url).href, fileURLToPath(program)].concat(
      driver,
      address,
    ),
    {
      env: { ...process.env, NODE_OPTIONS: '--disable-warning=ExperimentalWarning' },
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  )
  const closed = once(child, 'close')
  const lines = createInterface({ input: child.stdout })
  const [line] = await Promise.race([once(lines, 'line'), closed])
  if (child.exitCode !== null) throw new Error(`the session server ended with ${child.exitCode}`)
  const agent = new Agent({ keepAlive: true })
  return {
    pid: child.pid,
    get: (path, cookie) => get({ agent, port: Number(line), path, cookie }),
    async close() {
      agent.destroy()
      child.stdin.end()
      await closed
    },
  }
}

function get(to: {
  agent: Agent
  port: number
  path: string
  cookie: string | undefined
}): Promise<Answer> {
  const { cookie, ...where } = to
  return new Promise((resolve, reject) => {
    const headers = cookie === undefined ? {} : { cookie }
    const sent = request({ host: '127.0.0.1', headers, timeout: patience, ...where }, (res) => {
      let body = ''
      res.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk
      })
      res.on('error', reject)
      res.on('end', () => {
        const [line] = res.headers['set-cookie'] ?? []
        resolve({ status: res.statusCode ?? 0, body, cookie: line?.split(';')[0] })
      })
    })
    sent.on('timeout', () => sent.destroy(new Error(`${to.path} hangs`)))
    sent.on('error', reject)
    sent.end()
  })
}
