// Measurements of this process's own memory and event loop, each in a process of its own. Prints JSON.
import { background, hour, MemoryStore, SessionManager } from '@scs/core'
import { sessionBytes, tokenOf } from './fill.ts'
import { type DatabaseName, openStore } from './open-store.ts'

const [what, count = '', database = '', address = ''] = process.argv.slice(2)
const measured = what === 'iterate' ? await iterate() : await memoryStore(what === 'memory-all')
console.log(JSON.stringify(measured))

/** Growth of resident memory, in bytes, while so many sessions pass. */
async function iterate(): Promise<{ growth: number; sessions: number }> {
  await using opened = await openStore(database as DatabaseName, address)
  const manager = new SessionManager({ store: opened.store })
  await manager.load(background(), tokenOf(1, Number(count)))
  let sessions = 0
  let most = 0
  const before = resident()
  await manager.iterate(background(), () => {
    if (++sessions % 1000 === 0) most = Math.max(most, process.memoryUsage.rss())
  })
  return { growth: most - before, sessions }
}

/** What a session takes, and the longest time that the event loop stood still while half of them, or all, were swept. */
async function memoryStore(all: boolean) {
  const rows = Number(count)
  const before = resident()
  const store = new MemoryStore({ cleanupInterval: 1 })
  const now = Date.now()
  for (let n = 1; n <= rows; n++) {
    // As it comes from the cookie: a string of its own.
    const token = Buffer.from(tokenOf(n, rows)).toString('latin1')
    store.commit(token, Buffer.from(sessionBytes), new Date(now + (all || n % 2 ? -hour : hour)))
  }
  const bytesPerSession = (resident() - before) / rows
  // Until here the loop had no turn: the sweep begins now. A turn is as long as what is done in it.
  const turns = { longest: 0, last: performance.now(), done: false }
  const look = () => {
    const time = performance.now()
    turns.longest = Math.max(turns.longest, time - turns.last)
    turns.last = time
    if (!turns.done) setImmediate(look)
  }
  setImmediate(look)
  const start = performance.now()
  await new Promise((resolve) => setTimeout(resolve, 2))
  await store.stopCleanup()
  const sweep = performance.now() - start
  turns.done = true
  const left = store.all().size
  if (left !== (all ? 0 : rows / 2)) throw new Error(`the sweep has left ${left} sessions`)
  return { bytesPerSession, longestTurn: turns.longest, sweep }
}

function resident(): number {
  gc?.()
  return process.memoryUsage.rss()
}
