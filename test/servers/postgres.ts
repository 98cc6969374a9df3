import { findProgram, versionsIn } from './find-program.ts'
import type { TestServer } from './test-server.ts'

const debian = '/usr/lib/postgresql'

/** PostgreSQL, from `initdb` and `postgres` of this machine. */
export const postgres: TestServer = {
  name: 'PostgreSQL',
  variable: 'SCS_TEST_POSTGRES_URL',
  provided: 'postgresUrl',
  composeUrl: 'postgres://postgres:scs@127.0.0.1:54329/postgres',
  package: 'postgresql',
  tests: 'those of postgres.js and node-postgres',

  url: (port) => `postgres://postgres@127.0.0.1:${port}/postgres`,

  recipe() {
    // Debian keeps them out of the PATH; initdb and postgres must be of one version, hence one folder.
    const folders = versionsIn(debian).map((version) => `${debian}/${version}/bin`)
    const initdb = findProgram('initdb', folders)
    const server = findProgram('postgres', folders)
    if (initdb === undefined || server === undefined) return undefined
    return {
      name: 'PostgreSQL',
      account: 'postgres',
      prepare: (directory) => [
        ...[initdb, '--pgdata', `${directory}/data`, '--username', 'postgres', '--auth', 'trust'],
        ...['--encoding', 'UTF8', '--locale', 'C', '--no-sync'],
      ],
      serve: (directory, port) => [
        ...[server, '-D', `${directory}/data`, '-p', String(port)],
        ...['-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories='],
        // The data lives as long as the test run.
        ...['-c', 'fsync=off', '-c', 'synchronous_commit=off', '-c', 'full_page_writes=off'],
      ],
      stopSignal: 'INT',
      ready: /database system is ready to accept connections/,
    }
  },
}
