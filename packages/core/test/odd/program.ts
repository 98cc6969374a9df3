// Serves odd requests on odd responses with the built package, and prints what went wrong as JSON. A process of its own,
// as it listens for what would end one.
import { contextOf, MemoryStore, type RequestListener, SessionManager } from '@scs/core'
import { oddRequest } from './odd-requests.ts'
import { oddResponse } from './odd-responses.ts'
import { Random } from './random.ts'

const [runs = 10_000, seed = Date.now() % 2 ** 31] = process.argv.slice(2).map(Number)
const wrongs: string[] = []
let run = 0
const note = (what: string) => (error: unknown) => {
  wrongs.push(`${what}, about run ${run}: ${(error as Error)?.stack ?? error}`)
}
process.on('unhandledRejection', note('unhandled rejection'))
process.on('uncaughtException', note('uncaught exception'))

let pending = 0
const later = <T>(act: () => T): Promise<T> => {
  pending++
  const { promise, resolve } = Promise.withResolvers<void>()
  setTimeout(resolve, 1)
  return promise.then(act).finally(() => pending--)
}
const fail = () => {
  throw new Error('the store is down')
}

/** What each call of a store comes to. */
const kinds = {
  'answers at once': (act: () => unknown) => act(),
  'is slow': (act: () => unknown) => later(act),
  'fails at once': () => fail(),
  'fails later': () => later(fail),
} as const

function storeThat(answer: (act: () => unknown) => unknown): MemoryStore {
  return new Proxy(new MemoryStore({ cleanupInterval: 0 }), {
    get(store, name) {
      const method: unknown = Reflect.get(store, name)
      if (typeof method !== 'function') return method
      return (...args: unknown[]) => answer(() => Reflect.apply(method, store, args))
    },
  })
}

const random = new Random(seed)
const errorFuncs: readonly ((req: never, res: never, error: unknown) => unknown)[] = [
  (_req, res: { end(): unknown }) => res.end(),
  () => {},
  () => fail(),
  async () => fail(),
  (_req, res: { end(): unknown }) => setImmediate(() => attempt(() => res.end())),
]
const listeners: RequestListener[] = []
const seeds: string[] = []
for (const answer of Object.values(kinds)) {
  for (const errorFunc of errorFuncs) {
    const store = storeThat((act) => act())
    const seeder = new SessionManager({ store })
    const ctx = await seeder.load(contextOf({}), '')
    seeder.put(ctx, 'name', 'Ada')
    seeds.push(`session=${(await seeder.commit(ctx))?.token}`)
    const manager = new SessionManager({
      store: storeThat((act) => answer(act)),
      errorFunc: errorFunc as never,
      onError: () => (random.chance(50) ? fail() : Promise.reject(new Error('onError fails too'))),
    })
    listeners.push(manager.loadAndSave((req, res) => handle(manager, req as never, res as never)))
  }
}
// A callback that fails is logged: thousands of times here.
console.error = () => {}

for (; run < runs; run++) {
  const listener = random.of(listeners) as (req: unknown, res: unknown) => unknown
  const req = oddRequest(random, random.of([...seeds, 'session=unknown', 'session=;;;', '']))
  const res = oddResponse(random)
  try {
    const done = listener(req, res)
    if (done instanceof Promise) done.catch(note('a rejection of the listener'))
  } catch (error) {
    note('a listener that throws')(error)
  }
  if (run % 100 === 99) await turns()
}
while (pending > 0) await turns()
await turns()
console.log(JSON.stringify({ runs, seed, wrongs: wrongs.slice(0, 20) }))
process.exit()

async function turns(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve))
}

function handle(manager: SessionManager, req: never, res: never): unknown {
  const ctx = contextOf(req)
  const calls = [
    () => manager.put(ctx, 'name', 'Eve'),
    () => manager.get(ctx, 'name'),
    () => manager.destroy(ctx).catch(() => {}),
    () => manager.renewToken(ctx).catch(() => {}),
    () => output(res, 'writeHead', 200),
    () => output(res, 'setHeader', 'X-A', '1'),
    () => output(res, 'write', 'a'),
    () => output(res, 'end', 'b', () => {}),
    () => output(res, 'end'),
    () => output(res, 'emit', 'close'),
    () => output(res, 'destroy'),
    () => fail(),
  ]
  const steps = Array.from({ length: random.below(6) }, () => random.of(calls))
  if (random.chance(50)) {
    for (const step of steps) step()
    return undefined
  }
  return inTurn(steps)
}

async function inTurn(steps: readonly (() => unknown)[]): Promise<void> {
  for (const step of steps) {
    step()
    if (random.chance(30)) await later(() => {})
  }
}

function output(res: object, name: string, ...args: unknown[]): unknown {
  return Reflect.get(res, name).apply(res, args)
}

// What a callback of the application does is its own affair.
function attempt(act: () => unknown): void {
  try {
    act()
  } catch {
    // Nothing is there to answer with.
  }
}
