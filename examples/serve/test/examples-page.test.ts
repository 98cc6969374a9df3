import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { temporaryFolder } from '../../test-support/start-example.ts'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const page = readFileSync(`${root}docs/examples.md`, 'utf8')
const sections = page.split(/^## /m).slice(1)
const notAnExample = ['serve', 'test-support']
const hasCurl = spawnSync('curl', ['--version']).status === 0

it('docs/examples.md has every example, once', () => {
  const folders = readdirSync(`${root}examples`).filter((name) => !notAnExample.includes(name))
  expect(sections.map((section) => section.split('\n')[0]).sort()).toEqual(folders.sort())
})

describe.skipIf(!hasCurl)('docs/examples.md, the commands print what the page says:', () => {
  it.each(sections.map((section) => [section.split('\n')[0] ?? '', section]))(
    '%s',
    async (_, section) => {
      const [, start = ''] = /^```sh server\n(.*?)```/ms.exec(section) ?? []
      const [, lines = ''] = /^```sh\n(.*?)```/ms.exec(section) ?? []
      const [, expected] =
        /^(?:The .+?|It) prints(?: the page of the account, with)? `(.+?)`/m.exec(section) ?? []
      expect(expected).toBeDefined()

      // In a folder with the examples beneath, as a reader has it, but without what is written there.
      const folder = temporaryFolder()
      spawnSync('ln', ['-s', `${root}examples`, `${folder}/examples`])
      const url = await serve(start, folder)
      const { stdout, stderr } = spawnSync(
        'bash',
        ['-c', lines.replaceAll('localhost:4000', url)],
        {
          ...{ cwd: folder, env: environment(), encoding: 'utf8' as const },
        },
      )
      expect(stdout, stderr).toContain(expected)
    },
  )
})

/** Runs the command that starts a server; gives its host and port. */
async function serve(command: string, folder: string): Promise<string> {
  const child = spawn('bash', ['-c', `exec env ${command}`], {
    ...{ cwd: folder, env: { ...environment(), PORT: '0' }, stdio: ['ignore', 'pipe', 'inherit'] },
  })
  const ended = once(child, 'close')
  onTestFinished(async () => {
    child.kill()
    await ended
  })
  let output = ''
  return new Promise((resolve, reject) => {
    // Read to its end: a server whose output nobody takes would fail.
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk
      const [, host] = /^Listening on http:\/\/(\S+)\n/m.exec(output) ?? []
      if (host) resolve(host)
    })
    child.once('close', () => reject(new Error(`not started: ${command}\n${output}`)))
  })
}

/** `node` is the one that runs this test. */
function environment(): NodeJS.ProcessEnv {
  const folder = process.execPath.slice(0, process.execPath.lastIndexOf('/'))
  return { ...process.env, PATH: `${folder}:${process.env.PATH}` }
}
