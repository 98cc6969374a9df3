import type { Swap } from './store.ts'

/**
 * Throws a TypeError unless all rows of a swap are different ones; only `from` and `to` may have
 * the same token.
 */
export function checkSwap({ from, to, absorbed }: Swap): void {
  if (absorbed.length === 0) return
  const tokens = new Set([to.token, from?.token ?? to.token])
  for (const { token } of absorbed) {
    if (tokens.has(token)) {
      throw new TypeError(
        'swap.absorbed must not repeat a token, nor have the token of swap.from or swap.to',
      )
    }
    tokens.add(token)
  }
}
