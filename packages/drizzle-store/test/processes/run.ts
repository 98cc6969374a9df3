import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** A file of this folder, running in a Node process of its own. */
export interface RunningProcess<T> {
  /** Fulfilled when it has printed its first line. */
  readonly ready: Promise<void>
  /** What it printed last, parsed as JSON. Rejects with what it wrote to stderr when it fails. */
  readonly result: Promise<T>
  /** Ends its wait for input. */
  go(): void
}

/** Starts `file` with Node. */
export function startProcess<T>(
  file: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): RunningProcess<T> {
  const child = spawn(process.execPath, [fileURLToPath(new URL(file, import.meta.url)), ...args], {
    env: { ...process.env, ...env, NODE_OPTIONS: '--disable-warning=ExperimentalWarning' },
    stdio: 'pipe',
  })
  let out = ''
  let error = ''
  child.stderr.on('data', (chunk) => {
    error += chunk
  })
  child.stdin.on('error', () => {})
  const closed = new Promise<number | null>((resolve) => child.on('close', resolve))
  const ready = new Promise<void>((resolve) => {
    child.stdout.on('data', (chunk) => {
      out += chunk
      if (out.includes('\n')) resolve()
    })
    closed.then(() => resolve())
  })
  const result = closed.then((code) => {
    if (code !== 0) throw new Error(`${file} ended with ${code}: ${error}`)
    return JSON.parse(out.trimEnd().split('\n').at(-1) ?? '') as T
  })
  return { ready, result, go: () => child.stdin.end('go\n') }
}

/** Runs `file` to its end. */
export function runProcess<T>(
  file: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<T> {
  const running = startProcess<T>(file, args, env)
  running.go()
  return running.result
}
