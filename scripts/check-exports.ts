// Packs every package that users install, and lets publint and attw look at what they would get.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { publishablePackages } from './publishable.ts'
import { root } from './root.ts'

const { config } = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as {
  config: { pnpm: string }
}
const tools = `${root}scripts/node_modules/.bin`
const scratch = mkdtempSync(join(tmpdir(), 'scs-exports-'))

try {
  for (const { name, folder } of publishablePackages()) {
    const tarball = pack(folder)
    // Both, also when the first fails: one run names all that is wrong.
    const found = tarball === undefined ? [] : [...publint(tarball), ...attw(tarball)]
    const good = tarball !== undefined && found.length === 0
    console.log(`${good ? '✓' : '✗'} ${name}${good ? ': publint and attw find nothing' : ''}`)
    for (const output of found) console.log(output)
    if (!good) process.exitCode = 1
  }
} finally {
  rmSync(scratch, { recursive: true, force: true })
}

function publint(tarball: string): string[] {
  return complaints(`${tools}/publint`, ['run', tarball, '--strict'])
}

function attw(tarball: string): string[] {
  return complaints(`${tools}/attw`, [tarball, '--profile', 'esm-only', '--format', 'ascii'])
}

function pack(folder: string): string | undefined {
  const destination = mkdtempSync(join(scratch, 'pack-'))
  const args = ['-y', `pnpm@${config.pnpm}`, 'pack', '--pack-destination', destination]
  for (const output of complaints('npx', args, folder)) console.log(output)
  const [file] = readdirSync(destination)
  return file && join(destination, file)
}

/** What a command says when it fails; nothing when it succeeds. */
function complaints(command: string, args: readonly string[], folder = ''): string[] {
  const { status, error, stdout, stderr } = spawnSync(command, args, {
    cwd: root + folder,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    shell: process.platform === 'win32',
  })
  return status === 0 ? [] : [`${error?.message ?? ''}${stdout ?? ''}${stderr ?? ''}`]
}
