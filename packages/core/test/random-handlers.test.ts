import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Contest } from './gate/compare.ts'
import { conversations } from './gate/program.ts'
import { regressions } from './gate/regressions.ts'
import type { Protocol } from './support/servers.ts'

// `npm run gate:random` plays more of them.
const runs: Readonly<Record<Protocol, number>> = { http: 1000, h2c: 500 }

describe.each(['http', 'h2c'] as const)('handlers of any kind, over %s', (protocol) => {
  let contest: Contest
  beforeAll(async () => {
    contest = await Contest.start(protocol)
  })
  afterAll(() => contest[Symbol.asyncDispose]())

  it('see and send behind the gate what they see and send on bare Node', async () => {
    const property = fc.asyncProperty(conversations(protocol), async (conversation) => {
      expect(await contest.differences(conversation)).toEqual([])
    })
    await fc.assert(property, { seed: 4, numRuns: runs[protocol] })
  }, 300_000)

  for (const [what, over, conversation] of regressions) {
    if (over !== protocol) continue
    it(what, async () => {
      expect(await contest.differences(conversation)).toEqual([])
    })
  }
})
