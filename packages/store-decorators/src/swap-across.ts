import type { AtomicStore, Context, Swap } from '@scs/core'

type SwapRow = Swap['absorbed'][number]

/**
 * A swap over two stores that have no session in common. It is one step of the store that has
 * `swap.from`, `to` for a new session. Absorbed sessions of the other store are deleted first, each
 * only while it holds its bytes; when the swap then fails, they are not put back.
 */
export async function swapAcross(
  from: AtomicStore,
  to: AtomicStore,
  ctx: Context,
  swap: Swap,
): Promise<boolean> {
  const isMoved = swap.to.token !== swap.from?.token
  const mayHaveIt = swap.from ? [from, to] : [from]
  if (isMoved && (await isTaken(mayHaveIt, ctx, swap.to.token))) return false
  if (swap.absorbed.length === 0) {
    return (await to.swap(ctx, swap)) || (swap.from !== undefined && from.swap(ctx, swap))
  }
  const isOld = swap.from !== undefined && (await holds(from, ctx, swap.from))
  if (swap.from && !isOld && !(await holds(to, ctx, swap.from))) return false
  const [home, other] = isOld ? [from, to] : [to, from]
  const [absorbed, elsewhere]: [SwapRow[], SwapRow[]] = [[], []]
  for (const row of swap.absorbed) {
    if (await holds(home, ctx, row)) absorbed.push(row)
    else if (await holds(other, ctx, row)) elsewhere.push(row)
    else return false
  }
  for (const row of elsewhere) if (!(await deleteExactly(other, ctx, row))) return false
  return home.swap(ctx, { ...swap, absorbed })
}

// An expired row of the other store is no session: only a live one would then be in both.
async function isTaken(
  stores: readonly AtomicStore[],
  ctx: Context,
  token: string,
): Promise<boolean> {
  for (const store of stores) if (await store.findWithExpiry(ctx, token)) return true
  return false
}

async function holds(store: AtomicStore, ctx: Context, { token, data }: SwapRow): Promise<boolean> {
  const row = await store.findWithExpiry(ctx, token)
  return row !== undefined && Buffer.compare(row.data, data) === 0
}

// Not the moment of the call: a clock that is behind would still find the row.
const longAgo = new Date(Date.UTC(1000, 0, 1))
const nothing = new Uint8Array(0)

/**
 * Ends a session only while it holds its bytes. What is left of it has expired, and the store's
 * cleanup removes it.
 */
function deleteExactly(store: AtomicStore, ctx: Context, row: SwapRow) {
  const to = { token: row.token, data: nothing, expiry: longAgo }
  return store.swap(ctx, { from: row, to, absorbed: [] })
}
