import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

// Not one response, with its request and its session, is kept alive until all memory is collected: that is 1,200 bytes of each
// in this program, and the time to copy them. What is under way at a collection outlives it: about 600.
it('of a write on an asynchronous store, nothing outlives the collection of young memory', async () => {
  const program = fileURLToPath(new URL('retention/program.ts', import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', program])
  expect(Number(stdout)).toBeGreaterThan(0)
  expect(Number(stdout)).toBeLessThan(900)
}, 60_000)
