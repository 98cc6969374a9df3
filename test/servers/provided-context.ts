declare module 'vitest' {
  interface ProvidedContext {
    /** A PostgreSQL whose user may create databases; `undefined` where there is none: skip, the set-up has said so. */
    postgresUrl: string | undefined
    /** A MariaDB (or MySQL) whose user may create databases; `undefined` where there is none. */
    mysqlUrl: string | undefined
    /** A Redis of its own; `undefined` where there is none. */
    redisUrl: string | undefined
  }
}

export type { ProvidedContext } from 'vitest'
