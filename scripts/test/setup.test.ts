import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { root } from '../root.ts'

const { scripts } = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as {
  scripts: Record<string, string>
}

it('only `npm run hooks` changes the Git configuration', () => {
  const changing = Object.keys(scripts).filter((name) => /\bgit\b/.test(scripts[name] ?? ''))
  expect(changing).toEqual(['hooks'])
  // What runs before `npm start`, `npm test` and the others.
  for (const file of ['setup.mjs', 'task.mjs']) {
    expect(readFileSync(`${root}scripts/${file}`, 'utf8')).not.toMatch(/['"`]git\b/)
  }
})
