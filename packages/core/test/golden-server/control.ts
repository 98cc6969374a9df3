import { messageOf } from './error-funcs.ts'
import type { Result } from './operations.ts'
import type { Call, RecordedStore } from './recorded-store.ts'
import { fromTyped, type Typed } from './typed-values.ts'

/** One operation of `POST /__ctl`; which fields it has depends on `op`. */
export interface ControlOperation {
  readonly op: string
  readonly id?: string | number
  readonly store?: string
  readonly call?: Call
  readonly msg?: string
  readonly count?: number
  readonly token?: string
  readonly hex?: string
  readonly values?: Readonly<Record<string, Typed>>
  readonly nilValues?: boolean
  readonly deadlineInMs?: number
  readonly expiryInMs?: number
}

/** A request that has come, as `after` tells of it. */
export interface Tracked {
  /** Whether the handler ran. */
  ran: boolean
  readonly results: Result[]
  /** When the handler has ended and the response is over. */
  readonly done: Promise<unknown>
}

/** What the operations work on. */
export interface Controlled {
  readonly stores: ReadonlyMap<string, RecordedStore>
  readonly requests: ReadonlyMap<string, Tracked>
  /** The store calls since this was last asked. */
  takeCalls(): object[]
}

/** Performs one operation; what it gives is the answer's JSON. */
export async function control(operation: ControlOperation, on: Controlled): Promise<object> {
  if (operation.op === 'after') return after(String(operation.id ?? ''), on)
  const store = on.stores.get(operation.store || 'S')
  if (store === undefined) return { err: `there is no store ${operation.store || 'S'}` }
  const { call = 'find', msg = '', count = 0, token = '' } = operation
  switch (operation.op) {
    case 'fail':
      store.fail(call, msg, count)
      return {}
    case 'storePut':
      return attempt(() => put(store, operation))
    case 'storeDelete':
      return attempt(() => store.remove(token))
    case 'storeFind': {
      const row = store.row(token)
      return { ...row, found: row !== undefined, err: '' }
    }
    case 'dump':
      return { rows: store.dump(), err: '' }
    default:
      return { err: `there is no operation ${operation.op}` }
  }
}

async function after(id: string, { requests, takeCalls }: Controlled): Promise<object> {
  const request = requests.get(id)
  await request?.done
  return {
    ran: request?.ran ?? false,
    ...(request?.ran ? { results: request.results } : {}),
    calls: takeCalls(),
  }
}

function put(store: RecordedStore, operation: ControlOperation): void {
  const { token = '', hex, values = {}, deadlineInMs = 0, expiryInMs = 0 } = operation
  const now = Date.now()
  const expiry = new Date(now + expiryInMs)
  if (hex !== undefined && operation.values === undefined && !operation.nilValues) {
    store.put(token, Uint8Array.from(Buffer.from(hex, 'hex')), expiry)
    return
  }
  // No values at all are those of an empty session here: there is no nil map.
  const decoded = Object.entries(values).map(([key, typed]) => [key, fromTyped(typed)] as const)
  store.putValues(token, new Date(now + deadlineInMs), new Map(decoded), expiry)
}

function attempt(run: () => void): { err: string } {
  try {
    run()
    return { err: '' }
  } catch (error) {
    return { err: messageOf(error) }
  }
}
