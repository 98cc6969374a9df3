import type { TestProject } from 'vitest/node'
import { installMissing } from './install-missing.ts'
import { type PrivateServer, startPrivateServer } from './private-server.ts'
import './provided-context.ts'
import type { TestServer } from './test-server.ts'

interface Running {
  /** By the name of the server's variable: the servers themselves are loaded anew for each project. */
  readonly urls: ReadonlyMap<string, string>
  readonly stop: () => Promise<void>
}

// Each project that asks for servers loads its set-up anew; those that ask for the same share one set of them.
const shared = globalThis as { [key: symbol]: Promise<Running> | undefined }

/** A `setup` of Vitest that starts `servers` and tells the tests of a project their URLs. */
export function serversOf(
  ...servers: readonly TestServer[]
): (project: TestProject) => Promise<() => Promise<void>> {
  const key = Symbol.for(`scs.test-servers ${servers.map(({ variable }) => variable)}`)
  return async (project) => {
    shared[key] ??= start(servers)
    const { urls, stop } = await shared[key]
    for (const { provided, variable } of servers) project.provide(provided, urls.get(variable))
    return stop
  }
}

async function start(servers: readonly TestServer[]): Promise<Running> {
  const given = servers.filter((server) => process.env[server.variable])
  const wanted = servers.filter((server) => !given.includes(server))
  await installMissing(wanted)

  const privates: PrivateServer[] = []
  const stop = async (): Promise<void> => {
    await Promise.all(privates.map((server) => server.stop()))
  }
  const urls = new Map(given.map(({ variable }) => [variable, process.env[variable] ?? '']))
  const outcomes = await Promise.allSettled(
    wanted.map(async (server) => {
      const recipe = server.recipe()
      if (recipe === undefined) throw new Error(`${server.name} was not found on this machine`)
      const started = await startPrivateServer(recipe)
      privates.push(started)
      urls.set(server.variable, server.url(started.port))
    }),
  )

  const skips = outcomes.flatMap((outcome, index) => {
    const server = wanted[index]
    return server && outcome.status === 'rejected' ? [skipText(server, outcome.reason)] : []
  })
  if (skips.length > 0 && isCI()) {
    await stop()
    throw new Error(`${skips.join('\n')}\nWith CI=true a skipped test is a failure.`)
  }
  for (const text of skips) console.error(text)
  return { urls, stop }
}

function skipText(server: TestServer, reason: unknown): string {
  return [
    `scs: ${reason instanceof Error ? reason.message : reason}; the tests that need it, ${server.tests}, are skipped.`,
    '     To run them, one of:',
    `       apt-get install -y ${server.package}   (Debian, Ubuntu; no service needs to run)`,
    `       docker compose up -d --wait && ${server.variable}=${server.composeUrl} npm test`,
    `       ${server.variable}=… npm test   (a server of your own, with a user that may create databases)`,
  ].join('\n')
}

function isCI(): boolean {
  return !['', '0', 'false'].includes(process.env.CI ?? '')
}
