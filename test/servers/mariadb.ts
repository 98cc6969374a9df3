import { dirname } from 'node:path'
import { findProgram } from './find-program.ts'
import type { TestServer } from './test-server.ts'

/** MariaDB, which proves the MySQL dialect, from `mariadb-install-db` and `mariadbd` of this machine. */
export const mariadb: TestServer = {
  name: 'MariaDB',
  variable: 'SCS_TEST_MYSQL_URL',
  provided: 'mysqlUrl',
  composeUrl: 'mysql://root:scs@127.0.0.1:33069/mysql',
  package: 'mariadb-server',
  tests: 'those of mysql2',

  url: (port) => `mysql://root@127.0.0.1:${port}/mysql`,

  recipe() {
    const install = findProgram('mariadb-install-db')
    const server = findProgram('mariadbd', install ? [dirname(install)] : [])
    if (install === undefined || server === undefined) return undefined
    return {
      name: 'MariaDB',
      account: 'mysql',
      prepare: (directory) => [
        ...[install, '--no-defaults', `--datadir=${directory}/data`],
        ...['--auth-root-authentication-method=normal', '--skip-test-db'],
      ],
      serve: (directory, port) => [
        ...[server, '--no-defaults', `--datadir=${directory}/data`],
        ...['--bind-address=127.0.0.1', `--port=${port}`, '--skip-name-resolve'],
        ...[`--socket=${directory}/socket`, `--pid-file=${directory}/pid`],
        // The data lives as long as the test run.
        ...['--innodb-flush-log-at-trx-commit=0', '--skip-innodb-doublewrite'],
      ],
      stopSignal: 'TERM',
      ready: /ready for connections/,
    }
  },
}
