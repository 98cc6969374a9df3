import { describe, it } from 'vitest'
import { type Need, reasonAgainst } from './server-kind.ts'
import { servers } from './servers/index.ts'
import { Stage } from './stage.ts'
import { stores } from './stores.ts'

/** What the table knows of a case: each server, in the order of the columns, and why the case does not apply to it. */
export interface CaseMeta {
  readonly servers: ReadonlyArray<{ readonly name: string; readonly reason: string | undefined }>
}

declare module 'vitest' {
  interface TaskMeta {
    conversationCase?: CaseMeta
    /** The server that a case is played on. */
    server?: string
  }
}

export interface ConversationOptions {
  readonly needs?: readonly Need[]
  /** Whether the case wants the clock for itself. */
  readonly alone?: boolean
}

type Run = (stage: Stage) => Promise<void>

/** Plays a case on every server that it applies to, with every store. */
export function conversation(name: string, run: Run): void
export function conversation(name: string, options: ConversationOptions, run: Run): void
export function conversation(name: string, ...rest: [Run] | [ConversationOptions, Run]): void {
  const [{ needs = [], alone = false }, run] = rest.length === 1 ? [{}, rest[0]] : rest
  const columns = servers.map((kind) => ({ kind, reason: reasonAgainst(kind, needs) }))
  const conversationCase: CaseMeta = {
    servers: columns.map(({ kind, reason }) => ({ name: kind.name, reason })),
  }
  describe(name, { concurrent: !alone, meta: { conversationCase } }, () => {
    for (const { kind, reason } of columns) {
      if (reason) continue
      for (const [storeName, makeStore] of Object.entries(stores)) {
        it(`${kind.name}, ${storeName}`, { meta: { server: kind.name } }, async () => {
          await using stage = new Stage(kind, makeStore)
          await run(stage)
        })
      }
    }
  })
}
