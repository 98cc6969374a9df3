import type { ProvidedContext } from 'vitest'
import type { Recipe } from './private-server.ts'
import type {} from './provided-context.ts'

/** A kind of server that tests run against. */
export interface TestServer {
  readonly name: string
  /** The environment variable whose URL is used in place of a private server. */
  readonly variable: string
  /** What the tests of a project know its URL by. */
  readonly provided: Extract<keyof ProvidedContext, `${string}Url`>
  /** What that variable is with the servers of `compose.yaml`. */
  readonly composeUrl: string
  /** The package of Debian and Ubuntu that brings the server. */
  readonly package: string
  /** The tests that need it, as the subject of "are skipped". */
  readonly tests: string
  /** The URL of a private server, whose user may create databases. */
  url(port: number): string
  /** How to start it here; `undefined` when its programs are missing. */
  recipe(): Recipe | undefined
}
