import { readFileSync } from 'node:fs'

/** Names and versions of what was measured. */
export type Versions = Readonly<Record<string, string>>

/** What the package.json beside the module `url` pins: other libraries and drivers, not this project's own packages. */
export function peerVersions(url: string): Versions {
  const text = readFileSync(new URL('package.json', url), 'utf8')
  const { devDependencies } = JSON.parse(text) as { devDependencies: Versions }
  return Object.fromEntries(
    Object.entries(devDependencies).filter(
      ([name, version]) => !name.startsWith('@types/') && !version.startsWith('workspace:'),
    ),
  )
}
