import { findProgram } from './find-program.ts'
import { type PrivateServer, startPrivateServer } from './private-server.ts'

const program = { name: 'pgbouncer', package: 'pgbouncer', tests: 'those of PgBouncer' } as const

export { program as pgbouncer }

/** Whether this machine can start a PgBouncer. */
export function canStartPgBouncer(): boolean {
  return findProgram(program.name) !== undefined
}

/** A PgBouncer in front of a PostgreSQL. */
export interface PgBouncer extends PrivateServer {
  /** The URL of the same database, through it. */
  through(url: string): string
}

/**
 * Starts a PgBouncer in transaction mode in front of the server of `target`, whose user and password it has: each transaction
 * of its clients is run on any of `connections` connections to a database.
 */
export async function startPgBouncer(target: URL, connections: number): Promise<PgBouncer> {
  const server = findProgram(program.name)
  if (server === undefined) throw new Error('there is no pgbouncer here')
  const bouncer = await startPrivateServer({
    name: 'PgBouncer',
    // It refuses to run as root; Debian's runs under this account too.
    account: 'postgres',
    prepare: (directory) => [
      ...['/bin/sh', '-c', 'printf %s "$0" >"$1"/pgbouncer.ini'],
      ...[settings(target, connections), directory],
    ],
    // The port comes last, as it is known only here; what is set later counts.
    serve: (directory, port) => [
      ...['/bin/sh', '-c', `echo "listen_port = ${port}" >>"$1"; exec "$0" "$1"`],
      ...[server, `${directory}/pgbouncer.ini`],
    ],
    stopSignal: 'INT',
    ready: /process up/,
  })
  return {
    ...bouncer,
    through(url) {
      const through = new URL(url)
      through.host = `127.0.0.1:${bouncer.port}`
      return through.href
    },
  }
}

function settings(target: URL, connections: number): string {
  const password = target.password === '' ? '' : ` password=${decodeURIComponent(target.password)}`
  return `
[databases]
* = host=${target.hostname} port=${target.port || 5432} user=${target.username}${password}

[pgbouncer]
listen_addr = 127.0.0.1
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = ${connections}
max_client_conn = 200
`
}
