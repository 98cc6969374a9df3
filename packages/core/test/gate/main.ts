// Plays random handlers on gated servers and on bare ones, and compares. SCS_GATE_RUNS conversations over each protocol
// (10,000), from SCS_GATE_SEED (a new one each time); a difference is printed with the smallest handlers that show it.
import fc from 'fast-check'
import type { Protocol } from '../support/servers.ts'
import { Contest } from './compare.ts'
import { conversations } from './program.ts'

const runs = Number(process.env.SCS_GATE_RUNS ?? 10_000)
const seed = Number(process.env.SCS_GATE_SEED ?? Date.now() % 2 ** 31)
console.log(`SCS_GATE_SEED=${seed} SCS_GATE_RUNS=${runs}, Node ${process.versions.node}`)

async function play(protocol: Protocol): Promise<boolean> {
  const contest = await Contest.start(protocol)
  let played = 0
  let requests = 0
  const property = fc.asyncProperty(conversations(protocol), async (conversation) => {
    played++
    requests += conversation.exchanges.length
    if (process.stdout.isTTY && played % 100 === 0) process.stdout.write(`\r${protocol}: ${played}`)
    const differences = await contest.wrongs(conversation)
    if (differences.length > 0) throw new Error(differences.join('\n'))
  })
  const { failed, counterexample, errorInstance } = await fc.check(property, {
    seed,
    numRuns: runs,
  })
  await contest[Symbol.asyncDispose]()
  if (process.stdout.isTTY) process.stdout.write('\r')
  if (failed) {
    console.log(JSON.stringify(counterexample?.[0], undefined, 2))
    console.log((errorInstance as Error | undefined)?.message)
  }
  console.log(`${protocol}: ${requests} requests, ${failed ? 'a difference' : 'no difference'}`)
  return !failed
}

const outcomes = [await play('http'), await play('h2c')]
process.exitCode = outcomes.every(Boolean) ? 0 : 1
