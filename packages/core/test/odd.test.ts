import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const program = fileURLToPath(new URL('odd/program.ts', import.meta.url))

it('no request or response, however odd, makes a listener throw or ends the process', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [program])
  const { runs, wrongs, seed } = JSON.parse(stdout)
  expect(runs).toBe(10_000)
  // The seed is needed to run it again: node packages/core/test/odd/program.ts 10000 SEED.
  expect(wrongs, `seed ${seed}`).toEqual([])
}, 120_000)
