import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { expect, it, vi } from 'vitest'
import { clusterRecipe } from '../../../test/servers/redis-cluster.ts'

const module = new URL('../../../test/servers/redis-cluster.ts', import.meta.url)

it.skipIf(clusterRecipe() === undefined)(
  'a test run that is killed leaves none of its cluster’s servers behind',
  async () => {
    const program = `
      import { startRedisCluster } from ${JSON.stringify(module)}
      const { urls } = await startRedisCluster()
      console.log(JSON.stringify(urls))
    `
    const run = spawn(process.execPath, ['--input-type=module', '--eval', program])
    let output = ''
    run.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk
    })
    await vi.waitUntil(() => output.endsWith('\n'), { timeout: 50_000 })
    const ports: number[] = JSON.parse(output).map((url: string) => Number(new URL(url).port))
    expect(await Promise.all(ports.map(isListening))).toEqual(Array(6).fill(true))
    run.kill('SIGKILL')
    await once(run, 'exit')
    const isOver = async () => !(await Promise.all(ports.map(isListening))).includes(true)
    await vi.waitUntil(isOver, { timeout: 50_000 })
  },
  60_000,
)

async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
