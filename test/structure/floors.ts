import { readFileSync } from 'node:fs'

/**
 * The floors of each package, from the top: an import goes to a lower floor, types included. Every file of `src` is
 * in the list; `folder/*` stands for all files of a folder, which may import each other. A package that is not here has
 * no floors. No package has a circular import.
 */
export const floors: Readonly<Record<string, readonly (readonly string[])[]>> = {
  core: drawnFloors(),
  'drizzle-store': [
    ['index'],
    ['drizzle-store'],
    ['attempts', 'ensure-table', 'open-dialect', 'cleaner', 'swap-rows'],
    ['pg-dialect', 'mysql-dialect', 'sqlite-dialect'],
    ['defined-columns', 'absorbing'],
    ['pg', 'mysql', 'sqlite', 'create-table', 'statements', 'page-size'],
    ['dialect', 'cleanup-pace'],
    ['database-error'],
    ['error-texts'],
    ['awaitable', 'brief-delete', 'bytes', 'column-names', 'driver-error', 'types'],
  ],
  'redis-store': [
    ['index'],
    ['redis-store'],
    ['swap-sessions'],
    ['commands-of', 'move-session'],
    ['node-redis', 'ioredis', 'scripts'],
    ['client', 'script', 'server-state', 'session-keys'],
    ['redis-commands', 'redis-error'],
  ],
  'store-decorators': [['index'], ['cached-store', 'migrating-store'], ['swap-across']],
  express: [['index'], ['load-and-save']],
  fastify: [['index'], ['load-and-save']],
  fetch: [['index'], ['load-and-save-fetch'], ['fetch-session'], ['end-after']],
  hono: [['index'], ['load-and-save'], ['over-node'], ['destroy-when-finished']],
  koa: [['index'], ['load-and-save']],
  'store-tests': [
    ['index'],
    ['test-store'],
    ['cases'],
    ['cases/*'],
    ['premises', 'store-case'],
    ['expect'],
    ['subject'],
    ['target', 'sample', 'malformed-tokens', 'at-once', 'wait'],
  ],
}

/** All that a package may depend on; one that is not here may have any dependency but a sibling. */
export const allowedDependencies: Readonly<Record<string, readonly string[]>> = {
  core: ['cookie'],
}

/** The other half of a package: a sibling that it may import beside core. */
export const otherHalves: Readonly<Record<string, string>> = { hono: '@scs/fetch' }

/** Packages that run where there is no server of Node, and import none. */
export const withoutNodeServers: readonly string[] = ['fetch']

/** The floor of a file, counted from the top; -1 when it has none. */
export function floorOf(building: readonly (readonly string[])[], file: string): number {
  const all = file.replace(/[^/]+$/, '*')
  return building.findIndex((floor) => floor.includes(file) || (all !== '*' && floor.includes(all)))
}

/** The floors of core as ARCHITECTURE.md draws them: a line for each file or folder, and the files of a folder below it. */
function drawnFloors(): string[][] {
  const page = readFileSync(new URL('../../ARCHITECTURE.md', import.meta.url), 'utf8')
  const [, drawing = ''] = page.match(/^## The floors of core$.*?^```$(.*?)^```$/ms) ?? []
  const floors: string[][] = []
  let folder = ''
  for (const [, indent, name = ''] of drawing.matchAll(/^( *)(\S+)/gm)) {
    if (indent) floors.at(-1)?.push(folder + name)
    else {
      folder = name
      floors.push(name.endsWith('/') ? [] : [name])
    }
  }
  return floors
}
