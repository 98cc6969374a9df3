import type { StoreName } from '../support/databases.ts'
import type { Scenario } from './paths.ts'

/** Which of `servers/` it is. */
export type Program =
  | 'node-http'
  | 'node-http-json'
  | 'raw-driver'
  | 'scs'
  | 'scs-fastify'
  | 'scs-koa'
  | 'express-session'
  | 'express-session-untouched'
  | 'fastify'
  | 'fastify-session'
  | 'koa'
  | 'koa-session'
  | 'iron-session'

/** One server of the bench. */
export interface Contestant {
  readonly name: string
  readonly program: Program
  readonly store: StoreName
}

/** Servers that are measured in turns, as they are compared with each other. */
export interface Group {
  readonly name: 'memory' | 'frameworks' | 'postgres' | 'sqlite' | 'mariadb' | 'redis'
  readonly contestants: readonly Contestant[]
  /** Of one round: what takes longer needs fewer. */
  readonly requests: number
  readonly measures: (contestant: Contestant, scenario: Scenario) => boolean
}

const memory = (program: Program, name: string): Contestant => ({ name, program, store: 'memory' })

const floor = memory('node-http', 'node:http')

/** The floor once more, in a process of its own: what the measurement itself makes of no difference. */
export const control = memory('node-http', 'node:http, a second process')

/** The floor of what JSON costs. */
const json = memory('node-http-json', 'node:http, JSON.parse')

/** Nothing that they are asked to keep is there afterwards. */
export const withoutSessions: readonly Program[] = ['node-http', 'fastify', 'koa']

export const groups: readonly Group[] = [
  {
    name: 'memory',
    contestants: [
      floor,
      control,
      json,
      memory('scs', 'SCS, MemoryStore'),
      memory('express-session', 'express-session, MemoryStore'),
    ],
    requests: 12_000,
    measures: (contestant, { path }) =>
      contestant !== json || path === '/read' || path === '/write',
  },
  {
    name: 'frameworks',
    contestants: [
      floor,
      memory('fastify', 'Fastify alone'),
      memory('scs-fastify', 'SCS, @scs/fastify'),
      memory('fastify-session', '@fastify/session'),
      memory('koa', 'Koa alone'),
      memory('scs-koa', 'SCS, @scs/koa'),
      memory('koa-session', 'koa-session, a Map as store'),
      memory('iron-session', 'iron-session'),
    ],
    // Other sizes would tell more of JSON than of them; a cookie of 10 KB is none that a browser keeps.
    requests: 4_000,
    measures: ({ program }, { name, size, path }) =>
      size !== '10 KB' &&
      (path === '/login' || size !== '100 B') &&
      // Its session is the cookie: there is nothing to renew, and what is not asked for is not read.
      (program !== 'iron-session' || (path !== '/login' && name !== 'untouched, 1 KB')),
  },
  {
    name: 'postgres',
    contestants: [
      { name: 'node:http, postgres.js', program: 'raw-driver', store: 'postgres' },
      { name: 'SCS, DrizzleStore, postgres.js', program: 'scs', store: 'postgres' },
      {
        name: 'express-session, connect-pg-simple',
        program: 'express-session',
        store: 'postgres',
      },
      {
        name: 'express-session, connect-pg-simple, disableTouch',
        program: 'express-session-untouched',
        store: 'postgres',
      },
    ],
    requests: 3_000,
    measures: () => true,
  },
  {
    name: 'sqlite',
    contestants: [
      { name: 'node:http, better-sqlite3', program: 'raw-driver', store: 'sqlite' },
      { name: 'SCS, DrizzleStore, better-sqlite3', program: 'scs', store: 'sqlite' },
      {
        name: 'express-session, better-sqlite3-session-store',
        program: 'express-session',
        store: 'sqlite',
      },
    ],
    requests: 3_000,
    measures: () => true,
  },
  {
    name: 'mariadb',
    contestants: [
      { name: 'node:http, mysql2', program: 'raw-driver', store: 'mariadb' },
      { name: 'SCS, DrizzleStore, mysql2', program: 'scs', store: 'mariadb' },
      {
        name: 'express-session, express-mysql-session',
        program: 'express-session',
        store: 'mariadb',
      },
      {
        name: 'express-session, express-mysql-session, disableTouch',
        program: 'express-session-untouched',
        store: 'mariadb',
      },
    ],
    requests: 3_000,
    measures: () => true,
  },
  {
    name: 'redis',
    contestants: [
      { name: 'node:http, redis', program: 'raw-driver', store: 'redis' },
      { name: 'SCS, RedisStore, redis', program: 'scs', store: 'redis' },
      { name: 'express-session, connect-redis', program: 'express-session', store: 'redis' },
    ],
    requests: 3_000,
    measures: () => true,
  },
]

/** What a server process is told to be. */
export interface ServerPlan {
  readonly program: Program
  readonly store: StoreName
  /** A URL, or the name of a file; '' for memory. */
  readonly address: string
}
