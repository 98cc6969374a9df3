import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { expect, it, vi } from 'vitest'
import { type Recipe, startPrivateServer } from './private-server.ts'

// A shell in place of a database: it says where it is and is ready.
function recipe(serve: string, prepare = 'true'): { recipe: Recipe; folders: string[] } {
  const folders: string[] = []
  return {
    folders,
    recipe: {
      name: 'A shell',
      account: 'nobody',
      prepare: (directory) => {
        folders.push(directory)
        return ['sh', '-c', prepare]
      },
      serve: () => ['sh', '-c', serve],
      stopSignal: 'TERM',
      ready: /^ready$/m,
    },
  }
}

it('stop ends the server, removes its files and can be called again', async () => {
  const { recipe: shell, folders } = recipe('echo ready >&2; exec sleep 600', 'echo > file')
  const server = await startPrivateServer(shell)
  expect(folders.map(existsSync)).toEqual([true])
  await server.stop()
  await server.stop()
  expect(folders.map(existsSync)).toEqual([false])
})

it('a server that does not start rejects with its own words, and leaves nothing', async () => {
  const { recipe: shell, folders } = recipe('echo "no space left" >&2; exit 1')
  await expect(startPrivateServer(shell)).rejects.toThrow(/A shell did not start .*\nno space left/)
  expect(folders.map(existsSync)).toEqual([false, false, false])
})

it('data that cannot be prepared rejects with the words of that program', async () => {
  const { recipe: shell } = recipe('exit 0', 'echo "wrong locale"; exit 1')
  await expect(startPrivateServer(shell)).rejects.toThrow(/wrong locale/)
})

it('a killed server is gone with all its processes, keeps its files, and starts again where it was', async () => {
  const serve = `
    if [ -e kept ]; then echo again >&2; fi
    sleep 600 & echo $! >kept
    echo ready >&2; wait`
  const { recipe: shell, folders } = recipe(serve)
  const server = await startPrivateServer(shell)
  const kept = `${folders[0]}/kept`
  const child = Number(readFileSync(kept, 'utf8'))
  const state = () => spawnSync('ps', ['-o', 'stat=', '-p', String(child)]).stdout.toString()
  expect(state()).toMatch(/^[RS]/)
  await server.kill()
  expect(state()).toMatch(/^(?:Z|$)/)
  expect(existsSync(kept)).toBe(true)
  await server.restart()
  expect(Number(readFileSync(kept, 'utf8'))).not.toBe(child)
  await server.kill()
  await server.stop()
  expect(folders.map(existsSync)).toEqual([false])
})

it('a frozen server stands still, goes on when it is thawed, and is stopped while it is frozen', async () => {
  const { recipe: shell, folders } = recipe('echo $$ >pid; echo ready >&2; exec sleep 600')
  const server = await startPrivateServer(shell)
  const pid = readFileSync(`${folders[0]}/pid`, 'utf8').trim()
  const state = () => spawnSync('ps', ['-o', 'stat=', '-p', pid]).stdout.toString()
  await server.freeze()
  expect(state()).toMatch(/^T/)
  await server.thaw()
  expect(state()).toMatch(/^[RS]/)
  await server.freeze()
  await server.kill()
  await server.restart()
  await server.freeze()
  await server.stop()
  expect(folders.map(existsSync)).toEqual([false])
})

it('a server that does not start again rejects with its own words', async () => {
  const { recipe: shell } = recipe(
    'if [ -e kept ]; then echo "broken files" >&2; exit 1; fi; : >kept; echo ready >&2; sleep 600',
  )
  const server = await startPrivateServer(shell)
  await server.kill()
  await expect(server.restart()).rejects.toThrow(/A shell has ended:\nbroken files/)
  await server.stop()
})

it('a test run that is killed leaves no server and no files behind', async () => {
  const program = `
    import { startPrivateServer } from ${JSON.stringify(new URL('./private-server.ts', import.meta.url))}
    await startPrivateServer({
      name: 'A shell', account: 'nobody', stopSignal: 'TERM', ready: /^ready$/m,
      prepare: () => ['true'],
      serve: (directory) => {
        process.stdout.write(directory + ' ')
        return ['sh', '-c', 'echo $$ > pid; echo ready >&2; exec sleep 600']
      },
    })
    process.stdout.write('up')
  `
  const run = spawn(process.execPath, ['--input-type=module', '--eval', program])
  let output = ''
  run.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    output += chunk
  })
  await vi.waitUntil(() => output.endsWith(' up'), { timeout: 50_000 })
  const directory = output.replace(' up', '')
  expect(existsSync(`${directory}/pid`)).toBe(true)

  run.kill('SIGKILL')
  await once(run, 'exit')
  await vi.waitUntil(() => !existsSync(directory), { timeout: 50_000 })
})
