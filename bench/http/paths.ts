import type { SessionSize } from './sessions.ts'

/** What a request does with its session; also the URL that it asks for. */
export type Path = '/untouched' | '/read' | '/write' | '/visit' | '/login'

/** One kind of request, measured on each server. */
export interface Scenario {
  readonly name: string
  readonly path: Path
  /** What the session of the request's cookie holds; `undefined`: the request has no cookie. */
  readonly size: SessionSize | undefined
}

const withSizes = (name: string, path: Path): Scenario[] =>
  (['100 B', '1 KB', '10 KB'] as const).map((size) => ({ name: `${name}, ${size}`, path, size }))

export const scenarios: readonly Scenario[] = [
  { name: 'untouched, no cookie', path: '/untouched', size: undefined },
  { name: 'untouched, 1 KB', path: '/untouched', size: '1 KB' },
  ...withSizes('read', '/read'),
  ...withSizes('write', '/write'),
  { name: 'first visit', path: '/visit', size: undefined },
  { name: 'login, 100 B', path: '/login', size: '100 B' },
]
