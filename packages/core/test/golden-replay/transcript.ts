import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ControlOperation } from '../golden-server/control.ts'
import type { Operation } from '../golden-server/operations.ts'
import type { Typed } from '../golden-server/typed-values.ts'
import type { Config } from '../golden-server.ts'

/** A conversation recorded from the Go original: golden/README.md describes the format. */
export interface Transcript {
  readonly name: string
  readonly title: string
  readonly tags: readonly string[]
  readonly config: Config
  readonly steps: readonly Step[]
}

/** One of: a request, several at once, a pause, an operation of `/__ctl`, a dump of a store. */
export interface Step {
  readonly req?: RequestSpec
  readonly parallel?: readonly { readonly delayMs?: number; readonly req: RequestSpec }[]
  readonly sleepMs?: number
  readonly ctl?: ControlOperation
  readonly dump?: string
  readonly out?: Out
}

/** What is sent; texts may hold placeholders. */
export interface RequestSpec {
  readonly method?: string
  readonly path?: string
  /** The cookie jar; '': none. @default 'A' */
  readonly jar?: string
  readonly headers?: readonly (readonly [string, string])[]
  readonly ops?: readonly Operation[]
  /** Where the operations go, if not where the method says: `header` or `body`. */
  readonly opsIn?: string
}

/** What came back, or is expected to: absent is what there was none of. */
export interface Out {
  status?: number
  setCookie?: string[]
  vary?: string[]
  cacheControl?: string[]
  headers?: [string, string][]
  informational?: { status: number }[]
  body?: string
  jar?: Record<string, string>
  error?: string
  ran?: boolean
  results?: ResultEntry[]
  calls?: CallEntry[]
  parallel?: Out[]
  rows?: RowEntry[]
  err?: string
  [more: string]: unknown
}

/** What one operation gave. */
export interface ResultEntry {
  op: string
  key?: string
  r?: unknown
  err?: string
  panic?: string
  results?: ResultEntry[]
  sessions?: { results?: ResultEntry[] }[]
  [more: string]: unknown
}

/** One call of a store. */
export interface CallEntry {
  call: string
  store: string
  token?: string
  found?: boolean
  expiry?: string
  deadline?: string
  values?: Record<string, Typed>
  tokens?: string[]
  err?: string
}

/** One row of a dump. */
export interface RowEntry {
  token: string
  expiry?: string
  deadline?: string
  values?: Record<string, Typed>
  decodeErr?: string
}

/** Every transcript of a folder, by name. */
export function readTranscripts(folder: string): Transcript[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .sort()
    .map((file) => JSON.parse(readFileSync(join(folder, file), 'utf8')) as Transcript)
    .filter((transcript) => Array.isArray(transcript.steps))
}
