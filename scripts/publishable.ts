import { globSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { root } from './root.ts'

/** A package of `packages/` that users install. */
export interface PublishablePackage {
  readonly name: string
  /** Relative to the root of the repository. */
  readonly folder: string
  /** The sources of the public entry points, relative to the root of the repository. */
  readonly entries: readonly string[]
}

interface Manifest {
  readonly name: string
  readonly private?: boolean
  readonly exports?: Readonly<Record<string, { readonly types?: string }>>
}

/** Every package of `packages/` that is not private, in the order of their names. */
export function publishablePackages(): PublishablePackage[] {
  return globSync('packages/*/package.json', { cwd: root })
    .sort()
    .flatMap((file) => {
      const manifest = JSON.parse(readFileSync(root + file, 'utf8')) as Manifest
      if (manifest.private) return []
      const folder = dirname(file)
      const entries = Object.values(manifest.exports ?? {})
        .flatMap(({ types }) => types ?? [])
        .map((types) => types.replace(/^\.\/dist\/(.+)\.d\.ts$/, `${folder}/src/$1.ts`))
      return [{ name: manifest.name, folder, entries }]
    })
}
