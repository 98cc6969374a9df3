import { expect, it } from 'vitest'
import { snippetsIn } from '../snippets.ts'

const page = (...lines: string[]) => snippetsIn('page.md', lines.join('\n'))

it('a block is a module on the lines that it has in the page', () => {
  expect(page('# Title', '```ts', 'const a = 1', '```', 'text')).toEqual([
    { page: 'page.md', line: 2, code: '\n\nconst a = 1\n\n\nexport {}\n', ignored: undefined },
  ])
})

it('blocks of other languages are left alone, and what looks like a fence in them', () => {
  expect(page('```sh', 'npm test', '```', '````md', '```ts', 'no', '```', '````')).toEqual([])
})

it('hidden lines belong to the block right below them, and to no other', () => {
  const hidden = ['<!-- ts', 'declare const a: number', '-->']
  const [first, second] = page(...hidden, '', '```ts', 'a', '```', '```ts', 'b', '```')
  expect(first?.code).toBe('\ndeclare const a: number\n\n\n\na\n\n\n\n\nexport {}\n')
  expect(second?.code).not.toContain('declare')
  expect(page(...hidden, 'text', '```ts', 'a', '```')[0]?.code).not.toContain('declare')
})

it('an ignored block has a reason, or an empty one that the check refuses', () => {
  const reasons = page('```ts ignore not yet', '```', '```ts ignore', '```', '```ts', '```')
  expect(reasons.map(({ ignored }) => ignored)).toEqual(['not yet', '', undefined])
})

it('a block may stand in a list', () => {
  expect(page('- item', '', '  ```ts', '  const a = 1', '  ```')[0]?.code).toContain('const a = 1')
})
