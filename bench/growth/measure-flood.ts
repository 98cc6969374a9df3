import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { minute, second } from '@scs/core'
import type { Databases } from '../support/databases.ts'
import type { FloodPart, FloodReport, Served } from './flood-process.ts'
import { type FloodedName, openFlooded } from './flooded-stores.ts'
import type { Idle } from './idle-process.ts'

/** What a flood has made of a store. */
export interface Flood {
  /** Seconds since the flood began, sessions taken in until then, rows, and those that live. */
  readonly samples: readonly Sample[]
  readonly served: Served
  readonly idle: Idle
}

interface Sample {
  readonly second: number
  readonly inserted: number
  readonly rows: number
  readonly live: number
}

const between = 5 * second

/**
 * New sessions that live for a minute, for `time` milliseconds, while the store cleans up by itself; in the process that
 * serves, or in one beside it.
 */
export async function measureFlood(
  store: FloodedName,
  time: number,
  databases: Databases,
  isApart: boolean,
  rate?: number,
): Promise<Flood> {
  const address = await databases.create(store)
  const common = { store, address, time, ...(rate !== undefined && { rate }) }
  const serving = await start({ ...common, serves: true, floods: !isApart })
  const flooding = isApart ? await start({ ...common, serves: false, floods: true }) : serving
  await using counter = store === 'memory' ? undefined : await openFlooded(store, address, false)
  const idling = fork(programNamed('idle-process.ts'))
  const samples: Sample[] = []
  const began = performance.now()
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, between))
    const report = await flooding.ask()
    if (report.done) break
    const { inserted, rows } = report
    const second = (performance.now() - began) / 1000
    const counted = await counter?.count()
    const live = counted?.live ?? liveOf(samples, inserted, second)
    samples.push({ second, inserted, rows: counted?.all ?? rows ?? 0, live })
  }
  const served = await serving.end()
  idling.send('enough')
  const [idle] = (await once(idling, 'message')) as [Idle]
  return { samples, served, idle }
}

// By what was taken in during the last minute.
function liveOf(samples: readonly Sample[], inserted: number, second: number): number {
  const earlier = samples.findLast((sample) => sample.second <= second - minute / 1000)
  return inserted - (earlier?.inserted ?? 0)
}

/** Starts a process; fulfilled when the quiet time is over and the flood begins. */
async function start(part: FloodPart) {
  const child = fork(programNamed('flood-process.ts'), [JSON.stringify(part)])
  let last: FloodReport | undefined
  let wake = () => {}
  child.on('message', (message: FloodReport) => {
    last = message
    wake()
  })
  // After the last message.
  child.once('disconnect', () => wake())
  const next = async (): Promise<FloodReport> => {
    await new Promise<void>((resolve) => {
      wake = resolve
      if (!child.connected || last?.done) resolve()
    })
    if (!last || !(child.connected || last.done)) {
      throw new Error(`a process on ${part.store} has ended too soon`)
    }
    return last
  }
  await next()
  return {
    async ask(): Promise<FloodReport> {
      if (child.connected && !last?.done) child.send('how many?')
      return next()
    },
    /** What the process has measured, when it has ended. */
    async end(): Promise<Served> {
      while (!last?.done) await next()
      if (!last.served) throw new Error(`nothing was measured on ${part.store}`)
      return last.served
    },
  }
}

function programNamed(file: string): string {
  return fileURLToPath(new URL(file, import.meta.url))
}
