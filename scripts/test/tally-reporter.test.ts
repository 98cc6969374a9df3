import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { root } from '../root.ts'

const config = { test: { globals: true, reporters: [`${root}scripts/tally-reporter.ts`] } }

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'scs-tally-'))
  writeFileSync(join(folder, 'vitest.config.mjs'), `export default ${JSON.stringify(config)}`)
})
afterEach(() => rmSync(folder, { recursive: true }))

function run(files: Readonly<Record<string, string>>, CI = '') {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  const tally = join(folder, 'tally')
  const { stdout, status } = spawnSync(
    process.execPath,
    [`${root}node_modules/vitest/vitest.mjs`, 'run', '--root', folder],
    { encoding: 'utf8', env: { ...process.env, SCS_TALLY_FILE: tally, CI } },
  )
  return {
    lastLine: stdout.trimEnd().split('\n').at(-1),
    status,
    file: readFileSync(tally, 'utf8'),
  }
}

it('counts what passed, failed and was skipped, in its last line and in the file', () => {
  const text = `
    it('passes', () => {})
    it('fails', () => { throw new Error('on purpose') })
    it.skip('is skipped', () => {})
    it.todo('is not written yet')
  `
  expect(run({ 'a.test.js': text })).toEqual({
    lastLine: '1 passed, 1 failed, 2 skipped',
    status: 1,
    file: '1 passed, 1 failed, 2 skipped\n',
  })
})

it('counts a skipped test as failed with CI=true, and names it', () => {
  const text = `
    it('passes', () => {})
    it.skip('is skipped', () => {})
  `
  expect(run({ 'a.test.js': text }, 'true')).toEqual({
    lastLine: '1 passed, 1 failed, 0 skipped',
    status: 1,
    file: '1 passed, 1 failed, 0 skipped\n',
  })
})

it('counts a file that does not load, a hook that throws and an error outside any test', () => {
  const { lastLine, status } = run({
    'a.test.js': `import './missing.js'`,
    'b.test.js': `
      describe('with a hook', () => {
        beforeAll(() => { throw new Error('on purpose') })
        it('does not run', () => {})
      })
    `,
    'c.test.js': `
      it('passes', () => { Promise.reject(new Error('on purpose')) })
    `,
  })
  expect(lastLine).toBe('1 passed, 3 failed, 1 skipped')
  expect(status).toBe(1)
})

it('counts a run without a test as failed', () => {
  expect(run({}).lastLine).toBe('0 passed, 1 failed, 0 skipped')
})
