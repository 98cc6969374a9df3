import { hour, type SessionManagerOptions } from '../../src/index.ts'
import type { Path } from './paths.ts'

/** A kind of request whose cost is counted. */
export interface Case {
  readonly path: Path
  readonly options?: SessionManagerOptions
  /** The store answers with promises, as one over a network does. */
  readonly isAsync?: boolean
}

/** On a MemoryStore with nothing configured, where nothing else is said. */
export const cases = {
  'no cookie': { path: '/no-cookie' },
  'a first visit': { path: '/visit' },
  'a session that is left alone': { path: '/untouched' },
  'a read': { path: '/read' },
  'a write': { path: '/write' },
  'a login': { path: '/login' },
  'a read when a touch is due': {
    path: '/read',
    options: { idleTimeout: hour, touchInterval: 0 },
  },
  'a read with hashed tokens': { path: '/read', options: { hashTokenInStore: true } },
  'a write with hashed tokens': { path: '/write', options: { hashTokenInStore: true } },
  'a read, asynchronously': { path: '/read', isAsync: true },
  'a write, asynchronously': { path: '/write', isAsync: true },
  'a login, asynchronously': { path: '/login', isAsync: true },
} as const satisfies Record<string, Case>

export type CaseName = keyof typeof cases
