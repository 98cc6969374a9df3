// Runs the tests on each Node that the packages support, and prints a line for each.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { root } from './root.ts'

const versions = ['22.23.3', '24.21.0', '26.10.0']
const platform = `${process.platform}-${process.arch}`
const scratch = mkdtempSync(join(tmpdir(), 'scs-nodes-'))

if (['linux-x64', 'linux-arm64'].includes(platform)) {
  const outcomes = versions.map(testOn)
  process.exitCode = outcomes.every(Boolean) ? 0 : 1
} else {
  console.error(`There is no package with Node for ${platform}.`)
  console.error(
    'Run `npm test` and `npm run test:rest` under Node 22, 24 and 26 by your version manager, one after another.',
  )
  process.exitCode = 1
}
rmSync(scratch, { recursive: true, force: true })

function testOn(version: string): boolean {
  const node = nodeOf(version)
  if (node === undefined) {
    console.log(`Node ${version}: could not be installed`)
    return false
  }
  const tally = join(scratch, version)
  writeFileSync(tally, '')
  const args = [
    'node_modules/vitest/vitest.mjs',
    'run',
    '--config',
    'vitest.workspace.ts',
    '--mode',
    'all',
  ]
  const { status, stdout, stderr } = spawnSync(node, [...args, ...process.argv.slice(2)], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    // Programs that the tests start are to run on this Node, too.
    env: {
      ...process.env,
      PATH: `${dirname(node)}${delimiter}${process.env.PATH ?? ''}`,
      SCS_TALLY_FILE: tally,
    },
  })
  if (status !== 0) console.log(`${stdout}\n${stderr}`)
  const counts = readFileSync(tally, 'utf8').trim() || 'the tests did not run'
  console.log(`Node ${version}: ${counts}`)
  return status === 0
}

function nodeOf(version: string): string | undefined {
  const spec = `node-${platform}@${version}`
  const args = ['exec', '-y', `--package=${spec}`, '--', 'node', '-p', 'process.execPath']
  // Outside the repository, whose own Node comes first in the PATH of npm.
  const { status, stdout, stderr } = spawnSync('npm', args, { cwd: scratch, encoding: 'utf8' })
  const node = stdout.trim()
  if (status === 0 && node.includes(`node-${platform}`)) return node
  console.error(stderr)
  return undefined
}
