import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { ServerPlan } from './contestants.ts'

/** A server in a process of its own. */
export interface ServerProcess extends AsyncDisposable {
  readonly url: string
}

const program = fileURLToPath(new URL('server.ts', import.meta.url))

export async function startServer(plan: ServerPlan): Promise<ServerProcess> {
  const child = fork(program, [JSON.stringify(plan)])
  const exited = once(child, 'exit')
  const port = await Promise.race([
    once(child, 'message').then(([port]) => Number(port)),
    exited.then(([code]) => {
      throw new Error(`a server process ended with ${code} before it was ready`)
    }),
  ])
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      child.disconnect()
      await exited
    },
  }
}
