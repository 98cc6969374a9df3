import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { bytes, responses } from './memory/streams.ts'

// What is held for 200 responses is 13 to 26 MB more than the 230 MB that Node needs; without backpressure it is 2 GB.
const atMost = 1.5

const start = (file: string, ...args: string[]): ChildProcess =>
  fork(fileURLToPath(new URL(`./memory/${file}.ts`, import.meta.url)), args)

/** The most memory that a server has had, in KiB, when all its clients have their responses. */
async function peakOf(kind: 'bare' | 'gated', how: 'pipe' | 'pipeline'): Promise<number> {
  const server = start('server', kind, how)
  try {
    const [{ port }] = await once(server, 'message')
    const measured = once(server, 'message')
    const [answers] = await once(start('client', String(port)), 'message')
    expect(answers).toEqual({ bytes: responses * bytes, cookies: kind === 'gated' ? responses : 0 })
    const [{ peak }] = await measured
    return peak
  } finally {
    server.disconnect()
  }
}

it.each(['pipe', 'pipeline'] as const)(
  '200 responses of 10 MB by %s, held while their sessions are committed, take little more memory than on bare Node',
  async (how) => {
    const bare = await peakOf('bare', how)
    expect((await peakOf('gated', how)) / bare).toBeLessThan(atMost)
  },
  300_000,
)
