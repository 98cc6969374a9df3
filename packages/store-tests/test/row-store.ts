import type {
  AtomicStore,
  Awaitable,
  Context,
  IterableStore,
  ScannableStore,
  Store,
  Swap,
} from '@scs/core'

/** What {@link RowStore} keeps of a session. */
export interface Row {
  data: Uint8Array
  expiry: number
  /** A column of the user's. */
  extra?: unknown
}

/**
 * A whole store in the plainest code, with its rows in the open: the broken stores override its methods, one fault
 * each.
 */
export class RowStore implements Store, IterableStore, AtomicStore, ScannableStore {
  readonly rows = new Map<string, Row>()

  live(token: string): Row | undefined {
    const row = this.rows.get(token)
    return row && row.expiry > Date.now() ? row : undefined
  }

  holds(token: string, expected: Uint8Array): boolean {
    const row = this.live(token)
    return row !== undefined && Buffer.compare(row.data, expected) === 0
  }

  write(token: string, data: Uint8Array, expiry: Date): void {
    const row = { data: Uint8Array.from(data), expiry: expiry.getTime() }
    const present = this.rows.get(token)
    if (present) Object.assign(present, row)
    else this.rows.set(token, row)
  }

  find(token: string): Awaitable<Uint8Array | undefined> {
    return this.live(token)?.data.slice()
  }

  commit(token: string, data: Uint8Array, expiry: Date): Awaitable<unknown> {
    return this.write(token, data, expiry)
  }

  delete(token: string): Awaitable<unknown> {
    return this.rows.delete(token)
  }

  all(): Awaitable<Map<string, Uint8Array>> {
    const now = Date.now()
    const all = new Map<string, Uint8Array>()
    for (const [token, row] of this.rows) if (row.expiry > now) all.set(token, row.data.slice())
    return all
  }

  findWithExpiry(
    _ctx: Context,
    token: string,
  ): Awaitable<{ data: Uint8Array; expiry: Date } | undefined> {
    const row = this.live(token)
    return row && { data: row.data.slice(), expiry: new Date(row.expiry) }
  }

  touch(_ctx: Context, token: string, expiry: Date): Awaitable<boolean> {
    const row = this.live(token)
    if (row) row.expiry = expiry.getTime()
    return row !== undefined
  }

  swap(_ctx: Context, { from, to, absorbed }: Swap): Awaitable<boolean> {
    const held = from ? [from, ...absorbed] : absorbed
    if (!held.every(({ token, data }) => this.holds(token, data))) return false
    if (to.token !== from?.token && this.rows.has(to.token)) return false
    for (const { token } of absorbed) this.rows.delete(token)
    const row = from && this.rows.get(from.token)
    if (row && from.token !== to.token) {
      this.rows.delete(from.token)
      this.rows.set(to.token, row)
    }
    this.write(to.token, to.data, to.expiry)
    return true
  }

  async *scan(_ctx: Context): AsyncGenerator<readonly [token: string, data: Uint8Array], void> {
    for (let after = ''; ; ) {
      const page = this.page((token) => token > after)
      for (const [token, row] of page) yield [token, row.data.slice()]
      after = page.at(-1)?.[0] ?? ''
      if (after === '') return
    }
  }

  /** Up to 500 live rows that `wanted` picks, sorted by token. */
  page(wanted: (token: string, index: number) => boolean): [token: string, row: Row][] {
    return [...this.rows]
      .filter(([, row]) => row.expiry > Date.now())
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .filter(([token], index) => wanted(token, index))
      .slice(0, 500)
  }
}
