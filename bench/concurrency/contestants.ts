import type { StoreName } from '../support/databases.ts'

/** A session library on a database, in so many server processes. */
export interface Contestant {
  readonly peer: 'scs' | 'express-session'
  readonly store: StoreName
  readonly processes: number
}

/** Those of the first table. The other library is there to see what the measurement itself shows. */
export const contestants: readonly Contestant[] = [
  { peer: 'scs', store: 'memory', processes: 1 },
  { peer: 'scs', store: 'sqlite', processes: 4 },
  { peer: 'scs', store: 'postgres', processes: 1 },
  { peer: 'scs', store: 'postgres', processes: 2 },
  { peer: 'scs', store: 'mariadb', processes: 1 },
  { peer: 'scs', store: 'mariadb', processes: 2 },
  { peer: 'scs', store: 'galera', processes: 3 },
  { peer: 'scs', store: 'redis', processes: 1 },
  { peer: 'scs', store: 'redis', processes: 2 },
  { peer: 'scs', store: 'redis-cluster', processes: 2 },
  { peer: 'express-session', store: 'postgres', processes: 1 },
  { peer: 'express-session', store: 'postgres', processes: 2 },
]

/** What a server process is told to be. */
export interface ServerPlan {
  readonly peer: Contestant['peer']
  readonly store: Contestant['store']
  /** A URL, or those of a cluster's servers, separated by spaces, or the name of a file; '' for memory. */
  readonly address: string
  /** Which of the processes it is; on Galera, each has a node of its own. */
  readonly index: number
  /** Whether the manager sees the atomic methods of the store. */
  readonly atomic: boolean
}

export function nameOf({ peer, store, processes }: Contestant): string {
  const databases = {
    memory: 'MemoryStore',
    sqlite: 'SQLite, one file',
    postgres: 'PostgreSQL',
    mariadb: 'MariaDB',
    galera: 'Galera, each a node',
    redis: 'Redis',
    'redis-cluster': 'Redis Cluster',
  }
  const names = { scs: 'SCS', 'express-session': 'express-session' }
  const many = processes === 1 ? '1 process' : `${processes} processes`
  return `${names[peer]}, ${databases[store]}, ${many}`
}
