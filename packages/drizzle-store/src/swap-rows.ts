import type { Awaitable, Swap } from '@scs/core'
import { isPending, map } from './awaitable.ts'
import type { Queries, SessionRow } from './dialect.ts'
import { isDuplicate } from './driver-error.ts'

/**
 * {@link Swap} in one statement, and a second one that only reads when another row may have the new
 * token.
 */
export function swapRows(
  queries: Queries,
  { from, absorbed }: Swap,
  next: SessionRow,
  now: Date,
): Awaitable<boolean> {
  // A new session takes the row of the first absorbed one: every database can rename it in the step
  // that absorbs the rest.
  const [row, ...rest] = from ? [from, ...absorbed] : absorbed
  const write = () => {
    if (!row) return queries.add(next)
    if (rest.length === 0) return queries.replace(row.token, row.data, next, now)
    return queries.absorb(row, rest, next, now)
  }
  // A session that keeps its token has it already.
  return from?.token === next.token ? write() : unlessTaken(queries, next.token, write)
}

// A statement that fails so has written nothing. Another unique column of the table gives the same
// error: that is not `false`.
function unlessTaken(
  queries: Queries,
  token: string,
  write: () => Awaitable<boolean>,
): Awaitable<boolean> {
  const onError = (error: unknown): Awaitable<boolean> => {
    if (!isDuplicate(error)) throw error
    return map(queries.hasRow(token), (isTaken) => {
      if (!isTaken) throw error
      return false
    })
  }
  try {
    const written = write()
    return isPending(written) ? written.then(undefined, onError) : written
  } catch (error) {
    return onError(error)
  }
}
