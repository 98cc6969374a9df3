import { AssertionError } from 'node:assert'
import type { SessionStore } from '@scs/core'
import { type Face, Subject } from './subject.ts'
import { type Capability, capabilitiesOf, type StoreTarget } from './target.ts'

/** One promise of a store, and how to see whether it is kept. */
export interface StoreCase {
  /** The promise, as a sentence. */
  readonly name: string
  /** What the target must have for the case to mean something; empty: every store is asked. */
  readonly needs: readonly Capability[]
  /**
   * Rejects with an error that names the broken promise. Works on a store that is shared or not
   * empty, and removes its own sessions. Where the store has a method in two variants (`find` and
   * `findCtx`), the case runs with both.
   *
   * Rejects with a TypeError when the target lacks what the case `needs`.
   */
  run(target: StoreTarget): Promise<void>
}

/** Makes a case of `body`, which sees the store through a {@link Subject}. */
export function storeCase(
  name: string,
  body: (subject: Subject) => Promise<void>,
  ...needs: readonly Capability[]
): StoreCase {
  return {
    name,
    needs,
    async run(target) {
      const capabilities = capabilitiesOf(target)
      const lacking = needs.filter((need) => !capabilities.has(need))
      if (lacking.length > 0) {
        throw new TypeError(`"${name}" needs ${lacking.join(' and ')}, which the store has not`)
      }
      await runOn(new Subject(target, 'ctx first'), body)
      if (!hasTwoFaces(target.store, needs)) return
      const second: Face = 'plain first'
      try {
        await runOn(new Subject(target, second), body)
      } catch (error) {
        const message = `by the methods without a context: ${error instanceof Error ? error.message : String(error)}`
        throw new AssertionError({ message, operator: 'fail', stackStartFn: storeCase })
      }
    },
  }
}

async function runOn(subject: Subject, body: (subject: Subject) => Promise<void>): Promise<void> {
  try {
    await body(subject)
  } finally {
    await subject.cleanUp()
  }
}

// AtomicStore and scan have one variant; a second run of their cases would see nothing new.
function hasTwoFaces(store: SessionStore, needs: readonly Capability[]): boolean {
  if (needs.includes('atomic') || needs.includes('scan')) return false
  if (needs.includes('all')) return store.all !== undefined && store.allCtx !== undefined
  return (
    (store.find !== undefined && store.findCtx !== undefined) ||
    (store.commit !== undefined && store.commitCtx !== undefined) ||
    (store.delete !== undefined && store.deleteCtx !== undefined)
  )
}
