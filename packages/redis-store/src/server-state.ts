import type { Server } from './redis-commands.ts'

/** What has to stay the same while a server's keys are walked through. */
export interface ServerState {
  /** Which run of the server: a cursor of SCAN means nothing to another. */
  readonly run: string
  /** The slots that it serves; empty where there are none, and of a replica. */
  readonly slots: readonly string[]
  /**
   * Whether it serves them: not while it is cut off from most of its cluster, nor right after its
   * start.
   */
  readonly serves: boolean
}

const slotCount = 16_384

/** Asks a server for its state, a member of a cluster also for its slots. */
export async function stateOf(server: Server, isMember: boolean): Promise<ServerState> {
  const run = /^run_id:(\w+)/m.exec(String(await server(['INFO', 'server'])))?.[1] ?? ''
  if (!isMember) return { run, slots: [], serves: true }
  const serves = /^cluster_state:ok/m.test(String(await server(['CLUSTER', 'INFO'])))
  // Each line is a server: its id, address, flags, master, three times, the state of its link; then
  // its slots.
  const lines = String(await server(['CLUSTER', 'NODES'])).split('\n')
  const [, , , , , , , , ...slots] = lines.find((line) => /\bmyself\b/.test(line))?.split(' ') ?? []
  return { run, slots, serves }
}

/**
 * Throws unless the members of a cluster serve all of its slots between them, and none is on its
 * way to another.
 */
export function checkSlots(states: readonly ServerState[]): void {
  const served = new Set<number>()
  for (const { slots, serves } of states) {
    for (const range of serves ? slots : []) {
      if (range.startsWith('['))
        throw new Error('slots are on their way from one server to another')
      const [first = '', last = first] = range.split('-')
      for (let slot = Number(first); slot <= Number(last); slot++) served.add(slot)
    }
  }
  if (served.size === slotCount) return
  throw new Error(
    `the servers that the client knows of serve ${served.size} of ${slotCount} slots; the other sessions cannot be read`,
  )
}

/** Throws when a server is not what it was: some of its keys may not have been seen. */
export function checkSame(before: ServerState, after: ServerState): void {
  const isSame = before.run === after.run && `${before.slots}` === `${after.slots}` && after.serves
  if (!isSame) throw new Error('a server was replaced or restarted meanwhile, or gave slots away')
}
