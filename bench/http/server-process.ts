import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { ServerPlan } from './contestants.ts'
import { pinServer } from './pin.ts'
import type { Profile } from './profiler.ts'

/** A server in a process of its own. */
export interface ServerProcess extends AsyncDisposable {
  readonly url: string
  /** Microseconds of CPU that it has taken. */
  cpu(): Promise<number>
  startProfile(): Promise<unknown>
  /** What its CPU went to since then. */
  stopProfile(): Promise<Profile>
}

/** What a server process is asked for. */
export type Question = 'cpu' | 'startProfile' | 'stopProfile'

const program = fileURLToPath(new URL('server.ts', import.meta.url))

export async function startServer(plan: ServerPlan): Promise<ServerProcess> {
  const child = fork(program, [JSON.stringify(plan)], {
    env: { ...process.env, NODE_ENV: 'production' },
    // Warnings of the peers about their own defaults.
    stdio: ['ignore', 'ignore', process.env.SCS_BENCH_STDERR ? 'inherit' : 'ignore', 'ipc'],
  })
  const exited = once(child, 'exit')
  const said = async <T>(): Promise<T> => {
    const [answer] = await Promise.race([
      once(child, 'message'),
      exited.then(([code]) => {
        throw new Error(`the server ${JSON.stringify(plan)} has ended with ${code}`)
      }),
    ])
    return answer
  }
  const ask = <T>(question: Question): Promise<T> => {
    child.send(question)
    return said()
  }
  const port = await said<number>()
  pinServer(child.pid)
  return {
    url: `http://127.0.0.1:${port}`,
    cpu: () => ask('cpu'),
    startProfile: () => ask('startProfile'),
    stopProfile: () => ask('stopProfile'),
    async [Symbol.asyncDispose]() {
      if (child.connected) child.disconnect()
      await exited
    },
  }
}
