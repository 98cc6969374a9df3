import { describe, expect, it } from 'vitest'
import { allowedDependencies, floorOf, floors, otherHalves, withoutNodeServers } from './floors.ts'
import { importsOf, type Package, readFolder, readPackages, type Source } from './sources.ts'

const longestFile = (folder: string) => (folder === 'core' ? 300 : 400)

const packages = readPackages()

describe.each(packages)('$manifest.name', ({ folder, manifest, sources }) => {
  it('has sources', () => {
    expect(sources).not.toEqual([])
  })

  it('has no circle of imports, types included', () => {
    expect(circleIn(sources)).toEqual([])
  })

  it('imports what its package.json has, and no sibling but @scs/core and its other half', () => {
    const allowed = [
      ...Object.keys(manifest.dependencies ?? {}),
      ...Object.keys(manifest.peerDependencies ?? {}),
    ]
    for (const { name, packages } of sources)
      expect({ name, foreign: packages.filter((name) => !allowed.includes(name)) }).toEqual({
        name,
        foreign: [],
      })
    const siblings = allowed.filter((name) => name.startsWith('@scs/') && name !== '@scs/core')
    expect(siblings).toEqual([otherHalves[folder] ?? []].flat())
  })

  if (withoutNodeServers.includes(folder))
    it('imports no server of Node', () => {
      const builtins = sources.flatMap(({ builtins }) => builtins)
      expect(builtins.filter((name) => /^node:(?:https?|http2|net|tls)$/.test(name))).toEqual([])
    })

  const dependencies = allowedDependencies[folder]
  if (dependencies)
    it(`depends on nothing but ${dependencies}`, () => {
      expect(Object.keys(manifest.dependencies ?? {})).toEqual(dependencies)
      expect(Object.keys(manifest.peerDependencies ?? {})).toEqual([])
    })

  const building = floors[folder]
  if (building) {
    it('has each of its files on a floor', () => {
      const unlisted = sources.filter(({ name }) => floorOf(building, name) === -1)
      expect(
        unlisted.map(({ name }) => name),
        'files without a floor: put them into test/structure/floors.ts',
      ).toEqual([])
    })

    it('has no floor for a file that is gone', () => {
      const known = sources.flatMap(({ name }) => [name, name.replace(/[^/]+$/, '*')])
      expect(building.flat().filter((name) => !known.includes(name))).toEqual([])
    })

    it('imports go to a lower floor, or stay in a folder', () => {
      const folderOf = (name: string) => name.match(/^.+\//)?.[0]
      const wrong = sources.flatMap(({ name, files }) =>
        files
          .filter((file) => !folderOf(file) || folderOf(file) !== folderOf(name))
          .filter((file) => floorOf(building, file) <= floorOf(building, name))
          .map((file) => `${name} imports ${file}`),
      )
      expect(wrong).toEqual([])
    })
  }

  it(`has no file of more than ${longestFile(folder)} lines`, () => {
    expect(sources.filter(({ lines }) => lines > longestFile(folder))).toEqual([])
  })
})

describe.each(['bench', 'scripts'])('%s', (folder) => {
  it('has no circle of imports, types included', () => {
    const sources = readFolder(folder)
    expect(sources.length).toBeGreaterThan(0)
    expect(circleIn(sources)).toEqual([])
  })
})

describe('the reading of imports', () => {
  it('finds every kind of import, and none in a comment', () => {
    const text = [
      `import './a.ts'`,
      `import type { B } from './b.ts'`,
      `import {`,
      `  c,`,
      `} from './c.ts'`,
      `export { d } from './d.ts'`,
      `export type E = import('./e.ts').E`,
      `const f = await import('./f.ts')`,
      `// import './g.ts'`,
      `/** import { h } from './h.ts' */`,
    ].join('\n')
    expect(importsOf(text)).toEqual(['./a.ts', './b.ts', './c.ts', './d.ts', './e.ts', './f.ts'])
  })

  it('finds a circle', () => {
    const source = (name: string, ...files: string[]): Source => ({
      ...{ name, files, lines: 1, packages: [], builtins: [] },
    })
    expect(circleIn([source('a', 'b'), source('b', 'c'), source('c', 'b')])).toEqual([
      'b',
      'c',
      'b',
    ])
    expect(circleIn([source('a', 'b', 'c'), source('b', 'c'), source('c')])).toEqual([])
  })
})

/** The files of one circle, the first once more at its end; empty when there is none. */
function circleIn(sources: Package['sources']): string[] {
  const imports = new Map(sources.map(({ name, files }) => [name, files]))
  const cleared = new Set<string>()

  function follow(name: string, path: readonly string[]): string[] {
    if (path.includes(name)) return [...path.slice(path.indexOf(name)), name]
    if (cleared.has(name)) return []
    for (const file of imports.get(name) ?? []) {
      const circle = follow(file, [...path, name])
      if (circle.length > 0) return circle
    }
    cleared.add(name)
    return []
  }

  return sources.map(({ name }) => follow(name, [])).find((circle) => circle.length > 0) ?? []
}
