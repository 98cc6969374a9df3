import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runs, seedOf } from '../../../test/part.ts'
import { Contest } from './gate/compare.ts'
import { type Conversation, conversations } from './gate/program.ts'
import { regressions } from './gate/regressions.ts'
import type { Protocol } from './support/servers.ts'

// 300 requests in `npm test`, 10,000 in `npm run test:rest`, each on bare Node and on one of the gated servers in turn; every
// fifth conversation on a server whose commits fail too, every tenth with a client that leaves. `npm run gate:random` plays
// more of them, each on all servers.
const requests: Readonly<Record<Protocol, number>> = {
  http: Math.round(runs('SCS_GATE_REQUESTS', 300, 10_000) * 0.66),
  h2c: Math.round(runs('SCS_GATE_REQUESTS', 300, 10_000) * 0.34),
}
const atOnce = 4

describe.each(['http', 'h2c'] as const)('handlers of any kind, over %s', (protocol) => {
  let contests: readonly Contest[]
  beforeAll(async () => {
    contests = await Promise.all(Array.from({ length: atOnce }, () => Contest.start(protocol)))
  })
  afterAll(async () => {
    for (const contest of contests) await contest[Symbol.asyncDispose]()
  })

  it('see and send behind the gate what they see and send on bare Node', async () => {
    const sample = fc.sample(conversations(protocol), {
      seed: seedOf('SCS_GATE_SEED'),
      numRuns: requests[protocol],
    })
    let played = 0
    let asked = 0
    await Promise.all(
      contests.map(async (contest) => {
        while (asked < requests[protocol]) {
          const one = played++
          const conversation = sample[one] as Conversation
          asked += conversation.exchanges.length
          const wrongs = await contest.wrongs(conversation, one)
          // The conversation is needed to play it again.
          expect(wrongs, JSON.stringify(conversation)).toEqual([])
        }
      }),
    )
    console.info(`random handlers: ${asked} requests over ${protocol}`)
  }, 300_000)

  for (const [what, over, conversation] of regressions) {
    if (over !== protocol) continue
    it(what, async () => {
      expect(await contests[0]?.wrongs(conversation)).toEqual([])
    })
  }
})
