// Compiles every `ts` block of the documentation against the built packages, each as a module of its own.
//
// What a reader can do without (an import said before, a `declare const ctx: Context`) goes into a comment right
// above the block, which starts with a line `<!-- ts`. A block that cannot compile says why: ```ts ignore <reason>.
import { spawnSync } from 'node:child_process'
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { root } from './root.ts'
import { type Snippet, snippetsIn } from './snippets.ts'

// In this folder, whose package has every package that a block may import.
const folder = 'scripts/.snippets'
const pages = ['*.md', 'docs/**/*.md', 'packages/*/*.md', 'examples/*/*.md']

rmSync(root + folder, { recursive: true, force: true })

const snippets = globSync(pages, { cwd: root })
  .sort()
  .flatMap((page) => snippetsIn(page, readFileSync(root + page, 'utf8')))
const compiled = snippets.filter((snippet) => snippet.ignored === undefined)
for (const snippet of compiled) write(fileOf(snippet), snippet.code)
const config = {
  extends: '../../tsconfig.base.json',
  compilerOptions: {
    ...{ noEmit: true, composite: false, declaration: false, declarationMap: false },
    ...{ sourceMap: false, noUnusedLocals: false, noUnusedParameters: false },
  },
  files: compiled.map(fileOf),
}
write('tsconfig.json', JSON.stringify(config))

const problems = [...unexplained(), ...(compiled.length > 0 ? compile() : [])]
for (const problem of problems) console.error(problem)
report()
process.exitCode = problems.length === 0 ? 0 : 1

function fileOf({ page, line }: Snippet): string {
  return `${page}/L${line}.ts`
}

function write(name: string, text: string): void {
  const file = `${root}${folder}/${name}`
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
}

function unexplained(): string[] {
  return snippets
    .filter((snippet) => snippet.ignored === '')
    .map(
      ({ page, line }) =>
        `${page}:${line}: a ts block that is ignored says why: ts ignore <reason>`,
    )
}

// Blocks stand in their files on the lines that they have in the page.
function compile(): string[] {
  const tsc = `${root}node_modules/typescript/bin/tsc`
  const args = [tsc, '-p', folder, '--pretty', 'false']
  const { stdout, status } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' })
  const place = /^scripts\/\.snippets\/(.+)\/L\d+\.ts\((\d+),(\d+)\)/
  const lines = stdout.split('\n').filter((line) => line !== '')
  if (status !== 0 && lines.length === 0) return ['tsc failed without a word']
  return lines.map((line) => line.replace(place, '$1:$2:$3'))
}

function report(): void {
  for (const { page, line, ignored } of snippets)
    if (ignored) console.log(`not compiled: ${page}:${line} (${ignored})`)
  const ignored = snippets.length - compiled.length
  console.log(`${compiled.length} ts blocks compiled, ${ignored} ignored`)
}
