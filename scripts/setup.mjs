// Installs and builds the workspace, and does nothing when both are up to date. Plain JavaScript without a
// dependency, since it runs before anything is installed, on whatever Node the user has.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const pnpm = 'pnpm@12.21.0'
const root = fileURLToPath(new URL('..', import.meta.url))
const stampFile = `${root}node_modules/.setup-stamp`

const [major] = process.versions.node.split('.').map(Number)
if (major < 20)
  stop(`Node ${process.versions.node} is too old: install Node 22, 24 or 26 and try again.`)

const stamp = fingerprint()
if (!existsSync(stampFile) || readFileSync(stampFile, 'utf8') !== stamp) {
  console.error(`scs: installing the workspace's packages with ${pnpm}`)
  run('npx', ['-y', pnpm, 'install', '--frozen-lockfile'])
  writeFileSync(stampFile, stamp)
}
run(process.execPath, [`${root}node_modules/typescript/bin/tsc`, '-b'])

function fingerprint() {
  const hash = createHash('sha256').update(`${process.platform} ${process.arch} ${pnpm}`)
  for (const file of ['pnpm-lock.yaml', 'pnpm-workspace.yaml', 'package.json'])
    hash.update(readFileSync(root + file))
  return hash.digest('hex')
}

function run(command, args) {
  const { status, error } = spawnSync(command, args, {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  })
  if (error) stop(`${command} could not be started: ${error.message}`)
  if (status !== 0) process.exit(status ?? 1)
}

function stop(message) {
  console.error(`scs: ${message}`)
  process.exit(1)
}
