import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

/** A running example. */
export interface RunningExample {
  readonly url: string
  /** What it has written to stdout and stderr so far. */
  output(): string
  /** Sends SIGTERM and waits for the end; gives the exit code. */
  stop(): Promise<number | null>
}

/** The program of an example, as `tsc -b` has built it. */
export function programOf(example: string): string {
  return fileURLToPath(new URL(`../${example}/dist/main.js`, import.meta.url))
}

/** An empty folder, removed after the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'scs-example-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Starts an example in `cwd`, on a port that is free, and waits until it serves; ended after the test, unless `atEnd` ends it. */
export async function startExample(
  example: string,
  cwd: string,
  env: NodeJS.ProcessEnv = {},
  atEnd: (end: () => void) => void = onTestFinished,
): Promise<RunningExample> {
  const child = spawn(process.execPath, [programOf(example)], {
    cwd,
    env: { ...process.env, PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = once(child, 'close')
  atEnd(() => {
    child.kill('SIGKILL')
  })

  let output = ''
  const url = await new Promise<string>((resolve, reject) => {
    const collect = (chunk: string) => {
      output += chunk
      const [, found] = /^Listening on (\S+)\n/m.exec(output) ?? []
      if (found) resolve(found)
    }
    child.stdout.setEncoding('utf8').on('data', collect)
    child.stderr.setEncoding('utf8').on('data', collect)
    child.once('close', () => reject(new Error(`${example} has not started:\n${output}`)))
  })

  return {
    url,
    output: () => output,
    async stop() {
      child.kill('SIGTERM')
      const [code] = await ended
      return code
    },
  }
}
