import { mariadb } from './mariadb.ts'
import { postgres } from './postgres.ts'
import { serversOf } from './shared-servers.ts'

/** Gives the tests of a project their servers, as `inject('postgresUrl')` and `inject('mysqlUrl')`. */
export const setup = serversOf(postgres, mariadb)
