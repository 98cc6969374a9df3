import { execFile } from 'node:child_process'
import { dirname } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { findProgram } from './find-program.ts'
import { postgres } from './postgres.ts'
import { type PrivateServer, type Recipe, startPrivateServer } from './private-server.ts'

const run = promisify(execFile)

/** A PostgreSQL that a test has to itself, with a streaming replica. */
export interface PostgresPair {
  readonly primary: PrivateServer
  readonly replica: PrivateServer
  /** Both, for clients that find the one that takes writes: `postgres://…@host:port,host:port/…`. */
  url(database: string): string
  /** Runs a statement on one of the two, and gives its rows as lines of text. */
  ask(server: PrivateServer, statement: string): Promise<string>
  /** Ends the replica's connection to the primary; fulfilled when both have noticed. */
  cut(): Promise<void>
  /** Makes the replica a primary; fulfilled when it takes writes. */
  promote(): Promise<void>
  /** Ends both and removes their files; idempotent. */
  stop(): Promise<void>
}

/** Whether a primary acknowledges a commit before the replica has it. */
export type Replication = 'synchronous' | 'asynchronous'

/** Starts both; fulfilled when the replica follows. */
export async function startPostgresPair(replication: Replication): Promise<PostgresPair> {
  const recipe = postgres.recipe()
  if (recipe === undefined) throw new Error('there is no PostgreSQL here')
  const primary = await startPrivateServer(primaryRecipe(recipe, replication))
  let replica: PrivateServer | undefined
  const stop = async (): Promise<void> => {
    await Promise.all([primary.stop(), replica?.stop()])
  }
  try {
    replica = await startPrivateServer(replicaRecipe(recipe, primary.port))
    const pair = pairOf(primary, replica, stop)
    const following = "select 1 from pg_stat_replication where state = 'streaming'"
    while ((await pair.ask(primary, following)) !== '1') await delay(50)
    return pair
  } catch (error) {
    await stop()
    throw error
  }
}

function pairOf(
  primary: PrivateServer,
  replica: PrivateServer,
  stop: () => Promise<void>,
): PostgresPair {
  async function ask({ port }: PrivateServer, statement: string): Promise<string> {
    const { stdout } = await run(programOf('psql'), [
      ...['--host=127.0.0.1', `--port=${port}`, '--username=postgres', '--no-psqlrc'],
      ...['--tuples-only', '--no-align', `--command=${statement}`],
    ])
    return stdout.trim()
  }
  return {
    primary,
    replica,
    ask,
    url: (database) =>
      `postgres://postgres@127.0.0.1:${primary.port},127.0.0.1:${replica.port}/${database}`,
    async cut() {
      await ask(replica, "alter system set primary_conninfo = ''")
      await ask(replica, 'select pg_reload_conf()')
      while ((await ask(primary, 'select count(*) from pg_stat_replication')) !== '0')
        await delay(50)
    },
    async promote() {
      await ask(replica, 'select pg_promote()')
    },
    stop,
  }
}

function primaryRecipe(recipe: Recipe, replication: Replication): Recipe {
  const standbys = replication === 'synchronous' ? '*' : ''
  return {
    ...recipe,
    name: 'PostgreSQL, a primary',
    serve: (directory, port) => [
      ...recipe.serve(directory, port),
      // Of two options of one name, the later counts.
      ...['-c', 'synchronous_commit=on', '-c', `synchronous_standby_names=${standbys}`],
    ],
  }
}

function replicaRecipe(recipe: Recipe, primaryPort: number): Recipe {
  return {
    ...recipe,
    name: 'PostgreSQL, a replica',
    prepare: (directory) => [
      ...[programOf('pg_basebackup'), '--pgdata', `${directory}/data`, '--write-recovery-conf'],
      ...['--host', '127.0.0.1', '--port', String(primaryPort), '--username', 'postgres'],
      ...['--checkpoint', 'fast', '--no-sync'],
    ],
    serve: (directory, port) => [
      ...recipe.serve(directory, port),
      ...['-c', 'synchronous_commit=on'],
    ],
    ready: /database system is ready to accept (?:read-only )?connections/,
  }
}

// Of the same version as the server's.
function programOf(name: string): string {
  const recipe = postgres.recipe()
  const [server = ''] = recipe?.serve('', 0) ?? []
  const program = findProgram(name, [dirname(server)])
  if (program === undefined) throw new Error(`PostgreSQL's ${name} was not found`)
  return program
}
