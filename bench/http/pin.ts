import { spawnSync } from 'node:child_process'
import { availableParallelism } from 'node:os'

/** Whether processes can be given cores of their own. */
export const canPin = availableParallelism() > 1 && spawnSync('taskset', ['--version']).status === 0

/** Gives the process the first core and leaves it to it. */
export function pinServer(pid: number | undefined): void {
  pin('0', pid)
}

/** Gives this process, and what it starts from now on, all cores but the servers'. */
export function pinRest(): void {
  pin(`1-${availableParallelism() - 1}`, process.pid)
}

function pin(cores: string, pid: number | undefined): void {
  if (canPin) spawnSync('taskset', ['--all-tasks', '--cpu-list', '--pid', cores, String(pid)])
}
