import { spawnSync } from 'node:child_process'
import { root } from './root.ts'

/** Runs a command in a folder of the repository, its output shown; whether it succeeded. */
export function run(command: string, args: readonly string[], folder = ''): boolean {
  const { status, error } = spawnSync(command, args, {
    cwd: root + folder,
    stdio: ['ignore', 'inherit', 'inherit'],
    shell: process.platform === 'win32',
  })
  if (error) console.error(`${command} could not be started: ${error.message}`)
  return status === 0
}

/** Runs a TypeScript compiler of 7.x, its output shown; whether it succeeded. */
export function tsc(...args: readonly string[]): boolean {
  return run(process.execPath, [`${root}node_modules/typescript/bin/tsc`, ...args])
}
