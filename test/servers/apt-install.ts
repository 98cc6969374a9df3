import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { findProgram } from './find-program.ts'

const policy = '/usr/sbin/policy-rc.d'
const options = ['-y', '-o', 'DPkg::Lock::Timeout=120']

/** Whether {@link aptInstall} can work: root, on Debian, Ubuntu or a relative of theirs. */
export function canAptInstall(): boolean {
  return process.getuid?.() === 0 && findProgram('apt-get') !== undefined
}

/**
 * Installs packages of the operating system, said aloud on stderr; on a terminal with apt's own progress. Rejects
 * with apt's last words. Services that the packages bring are not started.
 */
export async function aptInstall(packages: readonly string[]): Promise<void> {
  const command = `apt-get install -y ${packages.join(' ')}`
  console.error(`scs: installing what is needed and this machine lacks: ${command}`)
  const allowServices = forbidServices()
  try {
    await aptGet(['update'])
    await aptGet(['install', '--no-install-recommends', ...packages])
    console.error('scs: installed')
  } finally {
    allowServices()
  }
}

async function aptGet(args: readonly string[]): Promise<void> {
  const terminal = process.stderr.isTTY
  const child = spawn('apt-get', [...(terminal ? [] : ['-qq']), ...options, ...args], {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    stdio: terminal ? ['ignore', 2, 2] : ['ignore', 'ignore', 'pipe'],
  })
  let output = ''
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    output = (output + chunk).slice(-2048)
  })
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`apt-get ${args[0]} failed: ${output.trim() || 'see above'}`)
}

// Debian starts a service as soon as it is installed, unless this file says no. The tests start their own servers.
function forbidServices(): () => void {
  if (existsSync(policy)) return () => {}
  writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  const remove = (): void => {
    process.off('exit', remove)
    rmSync(policy, { force: true })
  }
  process.on('exit', remove)
  return remove
}
