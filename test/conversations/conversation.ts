import { describe, it } from 'vitest'
import { type Need, reasonAgainst } from './server-kind.ts'
import { servers } from './servers/index.ts'
import { Stage } from './stage.ts'
import { stores } from './stores.ts'

/** What the table knows of a test. */
export interface ConversationMeta {
  readonly name: string
  readonly server: string
}

/** What the table knows of a case: each server, in the order of the columns, and why the case does not apply to it. */
export interface CaseMeta {
  readonly name: string
  readonly servers: ReadonlyArray<{ readonly name: string; readonly reason?: string | undefined }>
}

declare module 'vitest' {
  interface TaskMeta {
    conversation?: ConversationMeta
    conversationCase?: CaseMeta
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
  const meta: CaseMeta = {
    name,
    servers: columns.map(({ kind, reason }) => ({ name: kind.name, reason })),
  }
  describe(name, { concurrent: !alone, meta: { conversationCase: meta } }, () => {
    for (const { kind, reason } of columns) {
      if (reason) continue
      for (const [storeName, makeStore] of Object.entries(stores)) {
        const meta = { conversation: { name, server: kind.name } }
        it(`${kind.name}, ${storeName}`, { meta }, async () => {
          await using stage = new Stage(kind, makeStore)
          await run(stage)
        })
      }
    }
  })
}
