import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { root } from '../root.ts'

const { scripts } = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as {
  scripts: Record<string, string>
}
const source = readFileSync(`${root}scripts/task.mjs`, 'utf8')

const task = (...args: readonly string[]) =>
  spawnSync(process.execPath, ['scripts/task.mjs', ...args], { cwd: root, encoding: 'utf8' })

it('package.json has 15 scripts at most, and none that npm runs before or after another', () => {
  const names = Object.keys(scripts)
  expect(names.length).toBeLessThanOrEqual(15)
  const hooks = names.filter((name) => names.includes(name.replace(/^(pre|post)/, '')))
  expect(hooks.filter((name) => /^(pre|post)/.test(name))).toEqual([])
})

it('each task is a script of its name in package.json, and an unknown one is an error', () => {
  const { status, stderr } = task('nothing')
  expect(status).toBe(1)
  const tasks = /^scs: there is no task nothing; there are: (.+)\n$/.exec(stderr)?.[1]?.split(' ')
  const commands = Object.entries(scripts).filter(([, command]) => command.includes('task.mjs'))
  expect(commands.map(([name]) => name).sort()).toEqual(tasks?.sort())
  for (const [name, command] of commands) expect(command).toBe(`node scripts/task.mjs ${name}`)
})

it('a bench that does not exist is an error that names the others', () => {
  const { status, stderr } = task('bench', 'nothing', '--quick')
  expect(status).toBe(1)
  expect(stderr).toBe(
    'scs: there is no bench nothing; there are: http profile micro codec growth flood concurrency\n',
  )
})

it('every file that a task runs is there', () => {
  const files = [...source.matchAll(/'([\w./-]+\/[\w./-]+\.(?:ts|m?js))'/g)].map(([, file]) => file)
  expect(files.length).toBeGreaterThan(12)
  for (const file of files) {
    const path = file?.startsWith('./') ? `scripts/${file}` : file
    expect(existsSync(root + path), file).toBe(true)
  }
})
