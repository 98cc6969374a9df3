// Installs and builds the workspace, and does nothing when both are up to date. Plain JavaScript without a
// dependency, since it runs before anything is installed, on whatever Node the user has.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const pnpm = `pnpm@${JSON.parse(readFileSync(`${root}package.json`, 'utf8')).config.pnpm}`
const stampFile = `${root}node_modules/.setup-stamp`
const ownNode = `${root}node_modules/.bin/node`

const [major] = process.versions.node.split('.').map(Number)
if (major < 20) stop(tooOld('is too old'))

const stamp = fingerprint()
if (!existsSync(stampFile) || readFileSync(stampFile, 'utf8') !== stamp) {
  console.error(`scs: installing the workspace's packages with ${pnpm}`)
  run('npx', ['-y', pnpm, 'install', '--frozen-lockfile'])
  dropForeignNode()
  writeFileSync(stampFile, stamp)
}
// Scripts prefer the Node that is installed with the packages; where there is none, the user's own runs all.
if (major < 22 && !existsSync(ownNode))
  stop(tooOld(`can install, but on ${process.platform}-${process.arch} not run this project`))
run(process.execPath, [`${root}node_modules/typescript/bin/tsc`, '-b'])

// Everything that decides what an install does.
function fingerprint() {
  const hash = createHash('sha256').update(`${process.platform} ${process.arch} ${pnpm}`)
  const workspace = readFileSync(`${root}pnpm-workspace.yaml`, 'utf8')
  const manifests = [...workspace.matchAll(/^ {2}- (.+?)(\/\*)?$/gm)]
    .flatMap(([, folder, each]) => (each ? foldersIn(folder) : [folder]))
    .map((folder) => `${folder}/package.json`)
  for (const file of ['pnpm-lock.yaml', 'pnpm-workspace.yaml', 'package.json', ...manifests])
    if (existsSync(root + file)) hash.update(file).update(readFileSync(root + file))
  return hash.digest('hex')
}

function foldersIn(parent) {
  return readdirSync(root + parent)
    .sort()
    .map((name) => `${parent}/${name}`)
}

// On a Linux without glibc, or with an old one, that Node does not start: without it, scripts use the user's.
function dropForeignNode() {
  if (existsSync(ownNode) && spawnSync(ownNode, ['--version']).status !== 0) rmSync(ownNode)
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

function tooOld(what) {
  return `Node ${process.versions.node} ${what}: install Node 22, 24 or 26 and try again.`
}

function stop(message) {
  console.error(`scs: ${message}`)
  process.exit(1)
}
