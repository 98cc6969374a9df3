import { globSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

/** A file of a package's `src`. */
export interface Source {
  /** Relative to `src`, without `.ts`. */
  readonly name: string
  readonly lines: number
  /** Files of the same package that it imports, as {@link Source.name}. */
  readonly files: readonly string[]
  /** Other packages that it imports, without their subpaths. */
  readonly packages: readonly string[]
  /** Modules of Node that it imports, with `node:`. */
  readonly builtins: readonly string[]
}

/** A package of `packages/`. */
export interface Package {
  readonly folder: string
  readonly manifest: {
    readonly name: string
    readonly dependencies?: Readonly<Record<string, string>>
    readonly peerDependencies?: Readonly<Record<string, string>>
  }
  readonly sources: readonly Source[]
}

const workspace = fileURLToPath(new URL('../../', import.meta.url))
const root = join(workspace, 'packages/')
const comments = /\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm
// import … from 'x', export … from 'x', import 'x', import('x'), also in types.
const imports = /(?:\bfrom\s*|\bimport\s*\(?\s*)'([^'\n]+)'/g

/** Every package of the workspace that has sources. */
export function readPackages(): Package[] {
  return globSync('*/package.json', { cwd: root })
    .sort()
    .map((file) => {
      const folder = dirname(file)
      const src = join(root, folder, 'src')
      return {
        folder,
        manifest: JSON.parse(readFileSync(root + file, 'utf8')) as Package['manifest'],
        sources: readSources(src),
      }
    })
}

/** Every file of a folder of the workspace, such as `bench`. */
export function readFolder(folder: string): Source[] {
  return readSources(join(workspace, folder))
}

function readSources(folder: string): Source[] {
  return globSync('**/*.ts', { cwd: folder, exclude: ['**/node_modules/**', '**/.snippets/**'] })
    .sort()
    .map((name) => readSource(folder, name))
}

function readSource(src: string, file: string): Source {
  const text = readFileSync(join(src, file), 'utf8')
  const specifiers = importsOf(text)
  return {
    name: withoutExtension(file),
    lines: text.split('\n').length - 1,
    files: specifiers
      .filter((specifier) => specifier.startsWith('.'))
      .map((specifier) => withoutExtension(relative(src, join(src, dirname(file), specifier)))),
    packages: specifiers.filter((specifier) => !/^\.|^node:/.test(specifier)).map(packageOf),
    builtins: specifiers.filter((specifier) => specifier.startsWith('node:')),
  }
}

/** What a module imports, comments left out. */
export function importsOf(text: string): string[] {
  return [...text.replace(comments, '').matchAll(imports)].flatMap(
    ([, specifier]) => specifier ?? [],
  )
}

function packageOf(specifier: string): string {
  const [first = '', second = ''] = specifier.split('/')
  return first.startsWith('@') ? `${first}/${second}` : first
}

function withoutExtension(file: string): string {
  return file.replace(/\.ts$/, '')
}
