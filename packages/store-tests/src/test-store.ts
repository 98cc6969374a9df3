import { strict as assert } from 'node:assert'
import type { Awaitable, SessionStore } from '@scs/core'
import { cases } from './cases.ts'
import { type Capability, capabilitiesOf, type StoreTarget } from './target.ts'

/**
 * What the kit takes of a test runner, passed in so that it depends on none. `{ describe, it }` of
 * vitest, node:test, Jest and Bun fit.
 */
export interface TestRunner {
  /** Groups what `fn` registers under `name`. */
  describe(name: string, fn: () => void): unknown
  /**
   * Registers a test. The kit skips one by calling `skip(reason)` of the context that vitest and
   * node:test pass as the first argument. `timeout` is in milliseconds; a runner may ignore it.
   */
  it(name: string, fn: (...context: unknown[]) => Promise<void>, timeout: number): unknown
}

/** Options of {@link testStore}. */
export interface TestStoreOptions {
  /**
   * What the store is meant to lack. The cases that need it are not registered, instead of being
   * skipped one by one, and a store that has it after all fails.
   * @default none
   */
  readonly without?: readonly Capability[] | undefined
}

// Some cases commit 1,200 sessions, which a database that waits for its disk needs more than a
// runner's default for.
const timeout = 60_000

const capabilityNames: Record<Capability, string> = {
  atomic: 'AtomicStore in the store',
  scan: 'scan in the store',
  all: 'all or allCtx in the store',
  extras: 'extras beside the store',
}

/**
 * Registers every case of the kit as a separate test, under `name`, for the store that `create`
 * gives. Call it once at the top of a test file.
 *
 * `create` is called for each case. It may give a new store each time or the same one again, empty
 * or not: cases use random tokens and delete them. What is to be closed after each case goes into
 * `[Symbol.asyncDispose]` of a {@link StoreTarget}; a bare store is never closed.
 *
 * A case that needs what the store has not (`AtomicStore`, `scan`, `all`, extras) is reported as
 * skipped, with the reason; by a runner whose tests get no context with `skip` (Jest) as passed.
 * `without` leaves such cases out. A store with only some of AtomicStore's methods fails a case of
 * its own.
 */
export function testStore(
  runner: TestRunner,
  name: string,
  create: () => Awaitable<SessionStore | StoreTarget>,
  options: TestStoreOptions = {},
): void {
  const without = options.without ?? []

  // Rest parameters: by a function's number of parameters, Jest decides whether it is to wait for a
  // callback.
  const test = (title: string, body: (target: StoreTarget, context: unknown) => Awaitable<void>) =>
    runner.it(
      title,
      async (...context) => {
        const created = await create()
        const target = isTarget(created) ? created : { store: created }
        try {
          await body(target, context[0])
        } finally {
          await target[Symbol.asyncDispose]?.()
        }
      },
      timeout,
    )

  runner.describe(name, () => {
    for (const { name: title, needs, run } of cases) {
      if (needs.some((need) => without.includes(need))) continue
      test(title, (target, context) => {
        const capabilities = capabilitiesOf(target)
        const lacking = needs.find((need) => !capabilities.has(need))
        if (lacking === undefined) return run(target)
        skip(context, `there is no ${capabilityNames[lacking]}`)
      })
    }
    for (const capability of without) {
      test(`is tested without ${capability}, and has none`, (target) => {
        const has = capabilitiesOf(target).has(capability)
        const advice = `remove '${capability}' from \`without\`, so that it is tested`
        assert.ok(!has, `there is ${capabilityNames[capability]}: ${advice}`)
      })
    }
  })
}

function isTarget(created: SessionStore | StoreTarget): created is StoreTarget {
  return 'store' in created && !('find' in created) && !('findCtx' in created)
}

// vitest's skip ends the test by throwing, node:test's only takes a note of it.
function skip(context: unknown, reason: string): void {
  const { skip } = (context ?? {}) as { skip?: unknown }
  if (typeof skip === 'function') skip.call(context, reason)
}
