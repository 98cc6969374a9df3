const parts = 32

/**
 * A Map by session token, of which no part is large: V8 moves all entries of a Map at once when it has grown or shrunk, and
 * with a million that stops the process for tens of milliseconds. In no order.
 */
export class TokenMap<T> {
  readonly #parts = Array.from({ length: parts }, () => new Map<string, T>())

  get(token: string): T | undefined {
    return this.#part(token).get(token)
  }

  set(token: string, value: T): void {
    this.#part(token).set(token, value)
  }

  delete(token: string): void {
    this.#part(token).delete(token)
  }

  /** What is set or deleted meanwhile may be in it. */
  *[Symbol.iterator](): Generator<readonly [token: string, value: T], void> {
    for (const part of this.#parts) yield* part
  }

  // Tokens are random, and one character is as good as another; of a shorter token than any of ours, the first part.
  #part(token: string): Map<string, T> {
    return this.#parts[token.charCodeAt(8) & (parts - 1)] as Map<string, T>
  }
}
