import type { Context, SessionStore } from '@scs/core'
import { atomicMethods } from '../src/target.ts'
import { RowStore } from './row-store.ts'

/** A store with one fault, and the names of the cases that it has to fail, no more and no fewer. */
export interface BrokenStore {
  readonly fault: string
  readonly create: () => SessionStore
  readonly fails: readonly string[]
}

type Fault = Partial<{
  [K in keyof RowStore]: RowStore[K] extends (...args: infer A) => unknown
    ? (this: RowStore, ...args: A) => unknown
    : never
}>

// `faults` in place of methods of RowStore. What they give may be no store's answer: that is the fault.
function broken(fault: string, fails: string | readonly string[], faults: Fault): BrokenStore {
  return {
    fault,
    fails: typeof fails === 'string' ? [fails] : fails,
    create: () => Object.assign(new RowStore(), faults) as RowStore,
  }
}

const { prototype: whole } = RowStore
const tick = () => Promise.resolve()
const rounded = (how: (seconds: number) => number, expiry: Date) =>
  new Date(how(expiry.getTime() / 1000) * 1000)

const findAndCommit: readonly BrokenStore[] = [
  broken('find of a missing session gives null', 'find of a missing session is undefined', {
    find(token) {
      return whole.find.call(this, token) ?? null
    },
  }),
  broken('find of a missing session throws', 'find of a missing session is undefined', {
    find(token) {
      const found = whole.find.call(this, token)
      if (!found) throw new Error('no rows in result set')
      return found
    },
  }),
  broken('find of a missing session gives empty data', 'find of a missing session is undefined', {
    find(token) {
      return whole.find.call(this, token) ?? new Uint8Array(0)
    },
  }),
  broken(
    'commit ignores a session that is there',
    [
      'commit replaces the data',
      'commit replaces the expiry by an earlier one',
      'commit replaces the expiry by a later one',
    ],
    {
      commit(token, data, expiry) {
        if (!this.rows.has(token)) this.write(token, data, expiry)
      },
    },
  ),
  broken('commit updates the expiry but not the data', 'commit replaces the data', {
    commit(token, data, expiry) {
      this.write(token, this.rows.get(token)?.data ?? data, expiry)
    },
  }),
  broken(
    'commit updates the data but not the expiry',
    ['commit replaces the expiry by an earlier one', 'commit replaces the expiry by a later one'],
    {
      commit(token, data, expiry) {
        this.write(token, data, new Date(this.rows.get(token)?.expiry ?? expiry))
      },
    },
  ),
  broken('commit only extends the expiry', 'commit replaces the expiry by an earlier one', {
    commit(token, data, expiry) {
      const present = this.rows.get(token)?.expiry ?? Number.NEGATIVE_INFINITY
      this.write(token, data, new Date(Math.max(present, expiry.getTime())))
    },
  }),
  broken('commit only shortens the expiry', 'commit replaces the expiry by a later one', {
    commit(token, data, expiry) {
      const present = this.rows.get(token)?.expiry ?? Number.POSITIVE_INFINITY
      this.write(token, data, new Date(Math.min(present, expiry.getTime())))
    },
  }),
  broken(
    'commit with an expiry in the past is left out',
    'commit replaces the expiry by an earlier one',
    {
      commit(token, data, expiry) {
        if (expiry.getTime() > Date.now()) this.write(token, data, expiry)
      },
    },
  ),
  broken('delete does nothing', 'delete removes the session', { delete() {} }),
  broken(
    'delete keeps a mark that stops a later commit',
    'a deleted session can be committed again',
    {
      delete(token) {
        const row = this.rows.get(token)
        if (row) row.expiry = -1
      },
      commit(token, data, expiry) {
        if (this.rows.get(token)?.expiry !== -1) this.write(token, data, expiry)
      },
    },
  ),
  broken('delete of a missing session throws', 'delete of a missing session is quiet', {
    delete(token) {
      if (!this.rows.delete(token)) throw new Error('0 rows affected')
    },
  }),
  broken('a second delete throws', 'delete of a session that was deleted is quiet', {
    delete(token) {
      const row = this.rows.get(token)
      if (row?.expiry === -1) throw new Error('deleted already')
      if (row) row.expiry = -1
    },
  }),
  broken('delete empties the store', 'delete leaves other sessions alone', {
    delete() {
      this.rows.clear()
    },
  }),
]

const expiries: readonly BrokenStore[] = [
  broken(
    'the expiry ends in 2038',
    'findWithExpiry gives an expiry after 2038 as it was committed',
    {
      commit(token, data, expiry) {
        this.write(token, data, new Date(Math.min(expiry.getTime(), (2 ** 31 - 1) * 1000)))
      },
    },
  ),
  broken(
    'find gives expired sessions',
    'a session committed with an expiry in the past is not found',
    {
      find(token) {
        return this.rows.get(token)?.data.slice()
      },
    },
  ),
  broken(
    'find of an expired session throws',
    'a session committed with an expiry in the past is not found',
    {
      find(token) {
        if (this.rows.has(token) && !this.live(token)) throw new Error('expired')
        return whole.find.call(this, token)
      },
    },
  ),
  ...(['floor', 'ceil', 'round'] as const).flatMap((how) => {
    const fault = `commit rounds the expiry to seconds (${how})`
    const found = 'a session is found until the millisecond of its expiry, not after'
    const kept = 'commit and the atomic methods keep the expiry to the millisecond'
    const method: Fault = {
      commit(token, data, expiry) {
        this.write(token, data, rounded(Math[how], expiry))
      },
    }
    return [broken(fault, [found, kept], method), plain(broken(`${fault}, plain`, found, method))]
  }),
  broken('the expiry has 32 bits of seconds', 'a session may live until the end of the year 9999', {
    commit(token, data, expiry) {
      this.write(token, data, new Date(expiry.getTime() % (2 ** 31 * 1000)))
    },
  }),
  broken(
    'the expiry is a delay of 32 bits of milliseconds',
    'a session may live until the end of the year 9999',
    {
      commit(token, data, expiry) {
        const delay = expiry.getTime() - Date.now()
        this.write(token, data, delay < 2 ** 31 ? expiry : new Date())
      },
    },
  ),
]

const data: readonly BrokenStore[] = [
  broken('data is cut at 64 KiB', 'data of 1 MB comes back whole', {
    commit(token, data, expiry) {
      this.write(token, data.subarray(0, 65_535), expiry)
    },
  }),
  broken('data is stored as UTF-8 text', 'every byte value comes back as it went in', {
    commit(token, data, expiry) {
      this.write(token, Buffer.from(Buffer.from(data).toString()), expiry)
    },
  }),
  broken('data ends at a NUL', 'every byte value comes back as it went in', {
    commit(token, data, expiry) {
      const nul = data.indexOf(0)
      this.write(token, nul < 0 ? data : data.subarray(0, nul), expiry)
    },
  }),
  broken('data loses spaces at its end', 'every byte value comes back as it went in', {
    find(token) {
      const found = this.live(token)?.data.slice()
      return found?.at(-1) === 0x20 ? found.subarray(0, -1) : found
    },
  }),
  broken('empty data is no session', 'empty data comes back as empty data', {
    find(token) {
      const found = this.live(token)?.data
      return found?.length ? found.slice() : undefined
    },
  }),
  broken(
    'commit stores the whole buffer of a view',
    'a view of a larger buffer is stored as that view',
    {
      commit(token, data, expiry) {
        this.write(token, new Uint8Array(data.buffer), expiry)
      },
    },
  ),
  broken(
    'commit copies by slice, which a Buffer does not',
    'bytes given to commit may be changed afterwards',
    {
      commit(token, data, expiry) {
        this.write(token, data, expiry)
        Object.assign(this.rows.get(token) ?? {}, { data: data.slice() })
      },
    },
  ),
  broken('commit keeps the bytes it was given', 'bytes given to commit may be changed afterwards', {
    commit(token, data, expiry) {
      this.write(token, data, expiry)
      Object.assign(this.rows.get(token) ?? {}, { data })
    },
  }),
  broken('find gives the bytes it keeps', 'bytes that find gave may be changed', {
    find(token) {
      return this.live(token)?.data
    },
  }),
  broken('commit loses what else is in the row', 'extra columns and child rows survive commit', {
    commit(token, data, expiry) {
      this.rows.delete(token)
      this.write(token, data, expiry)
    },
  }),
]

const all3 = (how: (token: string) => string): Fault => ({
  find(token) {
    return whole.find.call(this, how(token))
  },
  commit(token, data, expiry) {
    this.write(how(token), data, expiry)
  },
  delete(token) {
    this.rows.delete(how(token))
  },
})

/** Only SCS's three methods: for faults that the other methods, which do not share them, would show as others. */
function plain(store: BrokenStore): BrokenStore {
  return {
    ...store,
    create: () => {
      const inner = store.create() as RowStore
      return {
        find: (token) => inner.find(token),
        commit: (token, bytes, expiry) => inner.commit(token, bytes, expiry),
        delete: (token) => inner.delete(token),
      }
    },
  }
}

const tokens: readonly BrokenStore[] = [
  plain(
    broken(
      'tokens lose their case',
      'tokens that differ in the case of a letter are two tokens',
      all3((token) => token.toLowerCase()),
    ),
  ),
  plain(
    broken(
      'tokens lose spaces at their ends',
      'a space before or after a token makes it another',
      all3((token) => token.trim()),
    ),
  ),
  plain(
    broken(
      'tokens lose spaces after them',
      'a space before or after a token makes it another',
      all3((token) => token.replace(/ +$/, '')),
    ),
  ),
  plain(
    broken(
      'the first character of a token is left out',
      'every character of a token counts',
      all3((token) => (token.length > 1 ? token.slice(1) : token)),
    ),
  ),
  broken('find takes a token for a pattern', 'every character of a token counts', {
    find(token) {
      if (token.length > 100) return undefined
      const literal = token.replace(
        /[^\w%]/g,
        (sign) => `\\x${sign.charCodeAt(0).toString(16).padStart(2, '0')}`,
      )
      const pattern = new RegExp(`^${literal.replaceAll('_', '.').replaceAll('%', '.*')}$`)
      const found = this.live(token) ?? [...this.rows].find(([other]) => pattern.test(other))?.[1]
      return found && found.expiry > Date.now() ? found.data.slice() : undefined
    },
  }),
  broken(
    'a token of hyphens is taken for an option',
    'a token has from 1 to 43 characters of base64url',
    {
      commit(token, data, expiry) {
        if (!/^-+$/.test(token)) this.write(token, data, expiry)
      },
    },
  ),
  plain(
    broken(
      'tokens are the members of an object',
      'names of members of objects are tokens like others',
      {
        find(token) {
          const found: unknown = (Object.fromEntries(this.rows) as Record<string, unknown>)[token]
          return this.rows.has(token) ? whole.find.call(this, token) : found
        },
      },
    ),
  ),
  broken('find of a malformed token throws', 'find of a malformed token is undefined', {
    find(token) {
      if (!/^[\w-]{1,43}$/.test(token.trim()) && !/[%*]/.test(token)) throw new Error('malformed')
      return whole.find.call(this, token)
    },
  }),
  broken('find of a token with a NUL throws', 'find of a malformed token is undefined', {
    find(token) {
      if (token.includes('\0')) throw new Error('invalid byte sequence')
      return whole.find.call(this, token)
    },
  }),
  broken('find of a token with a NUL ends there', 'find of a malformed token is undefined', {
    find(token) {
      return whole.find.call(this, token.split('\0')[0] ?? '')
    },
  }),
  broken('delete of a malformed token throws', 'delete of a malformed token is quiet', {
    delete(token) {
      if (token === '' || token.includes('\0')) throw new Error('malformed')
      this.rows.delete(token)
    },
  }),
  broken('delete can be injected SQL', 'delete of a malformed token is quiet', {
    delete(token) {
      if (token.includes("OR '1'='1")) this.rows.clear()
      else this.rows.delete(token)
    },
  }),
]

const concurrency: readonly BrokenStore[] = [
  broken('commit writes two halves', '50 commits of one token at once leave one of them whole', {
    async commit(token, data, expiry) {
      const half = data.length / 2
      this.write(token, data, expiry)
      await tick()
      const row = this.rows.get(token)
      if (row)
        row.data = Uint8Array.from(Buffer.concat([row.data.subarray(0, half), data.subarray(half)]))
    },
  }),
  broken(
    'commit looks first, then inserts or updates',
    '50 commits of one token at once leave one of them whole',
    {
      async commit(token, data, expiry) {
        const present = this.rows.has(token)
        await tick()
        if (!present && this.rows.has(token)) throw new Error('duplicate key')
        this.write(token, data, expiry)
      },
    },
  ),
  broken(
    'commit loses what was committed meanwhile',
    '50 commits of different tokens at once are all kept',
    {
      async commit(token, data, expiry) {
        const before = new Map(this.rows)
        await tick()
        this.rows.clear()
        for (const [other, row] of before) this.rows.set(other, row)
        this.write(token, data, expiry)
      },
    },
  ),
  broken(
    'delete fails while a commit is under way',
    'commit and delete of one token at once are quiet',
    {
      async commit(token, data, expiry) {
        this.rows.set(`lock ${token}`, { data, expiry: 0 })
        await tick()
        this.rows.delete(`lock ${token}`)
        this.write(token, data, expiry)
      },
      delete(token) {
        if (this.rows.has(`lock ${token}`)) throw new Error('deadlock found')
        this.rows.delete(token)
      },
    },
  ),
]

const lists: readonly BrokenStore[] = [
  broken('all gives expired sessions', 'all leaves out what has expired', {
    all() {
      return new Map([...this.rows].map(([token, row]) => [token, row.data.slice()]))
    },
  }),
  broken(
    'all of an empty store is undefined',
    'all of a store without live sessions is an empty Map',
    {
      async all() {
        const all = await whole.all.call(this)
        return all.size > 0 ? all : undefined
      },
    },
  ),
  broken('all gives one session only', 'all gives a Map of every live session and its data', {
    async all() {
      return new Map([...(await whole.all.call(this))].slice(0, 1))
    },
  }),
  broken('all gives tokens without data', 'all gives a Map of every live session and its data', {
    async all() {
      return new Map([...(await whole.all.call(this))].map(([token]) => [token, new Uint8Array(0)]))
    },
  }),
  broken('all gives the bytes it keeps', 'the Map and the bytes that all gave may be changed', {
    all() {
      const live = [...this.rows].filter(([, row]) => row.expiry > Date.now())
      return new Map(live.map(([token, row]) => [token, row.data]))
    },
  }),
  broken('scan gives the first page only', 'scan gives every live session and its data', {
    async *scan() {
      for (const [token, row] of this.page(() => true)) yield [token, row.data] as const
    },
  }),
  broken('scan gives expired sessions', 'scan leaves out what has expired', {
    async *scan() {
      for (const [token, row] of [...this.rows]) yield [token, row.data] as const
    },
  }),
  broken('scan pages by offset', 'scan misses no session because others are deleted meanwhile', {
    async *scan() {
      for (let offset = 0; ; offset += 500) {
        const page = this.page((_, index) => index >= offset)
        for (const [token, row] of page) yield [token, row.data] as const
        if (page.length === 0) return
      }
    },
  }),
  broken('scan that is left early throws', 'scan can be left early, and begun again', {
    scan(ctx: Context) {
      const pages = whole.scan.call(this, ctx)
      return {
        [Symbol.asyncIterator]: () => ({
          next: () => pages.next(),
          return: () => Promise.reject(new Error('the cursor is still open')),
        }),
      }
    },
  }),
]

const findWithExpiry: readonly BrokenStore[] = [
  broken(
    'findWithExpiry of a missing session gives null',
    'findWithExpiry of a missing session is undefined',
    {
      findWithExpiry(ctx, token) {
        return whole.findWithExpiry.call(this, ctx, token) ?? null
      },
    },
  ),
  broken(
    'findWithExpiry gives expired sessions',
    'findWithExpiry of an expired session is undefined',
    {
      findWithExpiry(_ctx, token) {
        const row = this.rows.get(token)
        return row && { data: row.data.slice(), expiry: new Date(row.expiry) }
      },
    },
  ),
  broken(
    'findWithExpiry gives whole seconds',
    'commit and the atomic methods keep the expiry to the millisecond',
    {
      async findWithExpiry(ctx, token) {
        const found = await whole.findWithExpiry.call(this, ctx, token)
        return found && { ...found, expiry: rounded(Math.floor, found.expiry) }
      },
    },
  ),
  broken(
    'findWithExpiry gives the time when it was asked',
    'findWithExpiry gives the data and the expiry that were committed',
    {
      async findWithExpiry(ctx, token) {
        const found = await whole.findWithExpiry.call(this, ctx, token)
        return found && { ...found, expiry: new Date() }
      },
    },
  ),
  broken(
    'findWithExpiry gives the bytes it keeps',
    'bytes that findWithExpiry gave may be changed',
    {
      findWithExpiry(_ctx, token) {
        const row = this.live(token)
        return row && { data: row.data, expiry: new Date(row.expiry) }
      },
    },
  ),
  broken(
    'touch of a malformed token throws',
    'the atomic methods find nothing under a malformed token',
    {
      touch(ctx, token, expiry) {
        if (token.includes('\0')) throw new Error('invalid byte sequence')
        return whole.touch.call(this, ctx, token, expiry)
      },
    },
  ),
  ...atomicMethods.map((method) =>
    broken(`${method} alone is missing`, 'has all methods of AtomicStore, or none', {
      [method]: undefined,
    }),
  ),
]

const oneStep = {
  touch: 'touch is one step: it undoes neither a commit nor a delete',
  swap: 'swap is one step: of 20 at once one wins, and none undoes a delete',
  absorb:
    'swap absorbs in one step: among others at once each session goes once, and none is lost or returns',
}

const touch: readonly BrokenStore[] = [
  broken('touch moves nothing', 'touch moves the expiry, later and earlier', {
    touch(_ctx, token) {
      return this.live(token) !== undefined
    },
  }),
  broken('touch only extends the expiry', 'touch moves the expiry, later and earlier', {
    touch(_ctx, token, expiry) {
      const row = this.live(token)
      if (row) row.expiry = Math.max(row.expiry, expiry.getTime())
      return row !== undefined
    },
  }),
  broken('touch cannot end a session', 'touch moves the expiry, later and earlier', {
    touch(ctx, token, expiry) {
      return expiry.getTime() > Date.now()
        ? whole.touch.call(this, ctx, token, expiry)
        : this.live(token) !== undefined
    },
  }),
  broken('touch empties the data', 'touch leaves the data as it is', {
    touch(ctx, token, expiry) {
      const row = this.live(token)
      if (row) row.data = new Uint8Array(0)
      return whole.touch.call(this, ctx, token, expiry)
    },
  }),
  broken(
    'touch to the expiry that is there is false',
    'touch to the expiry that is there is true',
    {
      touch(ctx, token, expiry) {
        if (this.rows.get(token)?.expiry === expiry.getTime()) return false
        return whole.touch.call(this, ctx, token, expiry)
      },
    },
  ),
  broken(
    'touch creates missing sessions',
    'touch of a missing session is false and creates nothing',
    {
      touch(ctx, token, expiry) {
        if (!this.rows.has(token)) this.write(token, new Uint8Array(0), expiry)
        return whole.touch.call(this, ctx, token, expiry)
      },
    },
  ),
  broken(
    'touch of a missing session is true',
    'touch of a missing session is false and creates nothing',
    {
      touch(ctx, token, expiry) {
        return !this.rows.has(token) || whole.touch.call(this, ctx, token, expiry)
      },
    },
  ),
  broken(
    'touch revives expired sessions',
    'touch of an expired session is false and does not revive it',
    {
      touch(_ctx, token, expiry) {
        const row = this.rows.get(token)
        if (row) row.expiry = expiry.getTime()
        return row !== undefined
      },
    },
  ),
  broken('touch writes back what it read', oneStep.touch, {
    async touch(_ctx, token, expiry) {
      const data = this.live(token)?.data
      await tick()
      if (data) this.write(token, data, expiry)
      return data !== undefined
    },
  }),
  broken('touch brings back what was deleted meanwhile', oneStep.touch, {
    async touch(_ctx, token, expiry) {
      const row = this.live(token)
      await tick()
      if (row)
        this.rows.set(
          token,
          Object.assign(this.rows.get(token) ?? row, { expiry: expiry.getTime() }),
        )
      return row !== undefined
    },
  }),
  broken('touch loses what else is in the row', 'extra columns and child rows survive touch', {
    touch(ctx, token, expiry) {
      delete this.rows.get(token)?.extra
      return whole.touch.call(this, ctx, token, expiry)
    },
  }),
]

const swaps = {
  writes: 'swap writes data and expiry over the expected data',
  identical: 'swap by identical data and expiry is true',
  moves: 'swap to another token moves the session',
  adds: 'swap without a session to write over adds one',
  compares: 'swap changes nothing when the session holds other data',
  missing: 'swap of a missing session is false and creates nothing',
  expired: 'swap of an expired session is false and does not revive it',
  taken: 'swap never takes the token of another session',
  takenExpired: 'swap to the token of an expired session writes all of it or nothing',
  absorbs: 'swap takes out absorbed sessions',
  addsAndAbsorbs: 'swap adds a session that absorbs others',
  comparesAbsorbed: 'swap changes nothing when an absorbed session is not as expected',
  gone: 'after swap, what has moved or was absorbed is as if it was never there',
  unlisted: 'after swap, what was absorbed is in no list of sessions',
  bytes: 'swap compares and keeps every byte value',
  copies: 'bytes given to swap may be changed afterwards',
  extras: 'extra columns and child rows survive swap',
}

const none: readonly never[] = []
const isSame = (a: Uint8Array, b: Uint8Array) => Buffer.compare(a, b) === 0

const swap: readonly BrokenStore[] = [
  broken('swap cuts data at 64 KiB', 'swap takes data of 1 MB for data of 1 MB', {
    swap(ctx, { from, to, absorbed }) {
      const data = to.data.subarray(0, 65_535)
      return whole.swap.call(this, ctx, { from, to: { ...to, data }, absorbed })
    },
  }),
  broken('swap does not write the expiry', swaps.writes, {
    swap(ctx, { from, to, absorbed }) {
      const stays = from?.token === to.token && absorbed.length === 0
      const expiry = stays ? new Date(this.rows.get(to.token)?.expiry ?? 0) : to.expiry
      return whole.swap.call(this, ctx, { from, to: { ...to, expiry }, absorbed })
    },
  }),
  broken('swap by identical data is false', swaps.identical, {
    swap(ctx, swap) {
      const { from, to, absorbed } = swap
      const row = this.rows.get(to.token)
      const isIdentical =
        from?.token === to.token && isSame(from.data, to.data) && absorbed.length === 0
      if (isIdentical && row?.expiry === to.expiry.getTime()) return false
      return whole.swap.call(this, ctx, swap)
    },
  }),
  broken('swap leaves the session under its old token too', swaps.moves, {
    swap(ctx, swap) {
      const { from, to, absorbed } = swap
      const row = from && this.rows.get(from.token)
      const swapped = whole.swap.call(this, ctx, swap)
      const isMoved = swapped && row && from.token !== to.token && absorbed.length === 0
      if (isMoved && isSame(to.data, new TextEncoder().encode('new')))
        this.write(from.token, from.data, to.expiry)
      return swapped
    },
  }),
  broken('swap without from does nothing', swaps.adds, {
    swap(ctx, swap) {
      if (!swap.from && swap.absorbed.length === 0) return false
      return whole.swap.call(this, ctx, swap)
    },
  }),
  broken('swap ignores what the session holds', swaps.compares, {
    swap(ctx, swap) {
      const { from } = swap
      const held = from && this.live(from.token)?.data
      const isFaulty = held && from.data.length === 0 && held.length > 0
      return whole.swap.call(
        this,
        ctx,
        isFaulty ? { ...swap, from: { ...from, data: held } } : swap,
      )
    },
  }),
  broken('swap that is false writes all the same', swaps.compares, {
    swap(ctx, swap) {
      const swapped = whole.swap.call(this, ctx, swap)
      const { from, to } = swap
      if (!swapped && from && this.live(from.token) && !this.holds(from.token, from.data))
        this.write(from.token, this.rows.get(from.token)?.data ?? from.data, to.expiry)
      return swapped
    },
  }),
  broken('swap that is false takes absorbed sessions out', [swaps.missing, oneStep.absorb], {
    swap(ctx, swap) {
      const swapped = whole.swap.call(this, ctx, swap)
      if (!swapped && swap.from && !this.rows.has(swap.from.token))
        for (const { token } of swap.absorbed) this.rows.delete(token)
      return swapped
    },
  }),
  broken('swap creates missing sessions', swaps.missing, {
    swap(ctx, swap) {
      const { from, to } = swap
      if (from && from.token === to.token && !this.rows.has(from.token))
        this.write(from.token, from.data, to.expiry)
      return whole.swap.call(this, ctx, swap)
    },
  }),
  broken('swap revives expired sessions', swaps.expired, {
    swap(ctx, swap) {
      const { from, to } = swap
      const row = from && this.rows.get(from.token)
      if (row && row.expiry <= Date.now() && isSame(row.data, from.data))
        row.expiry = to.expiry.getTime()
      return whole.swap.call(this, ctx, swap)
    },
  }),
  broken('swap moves over another session', swaps.taken, {
    swap(ctx, swap) {
      const { from, to } = swap
      if (from && from.token !== to.token && this.live(to.token)) this.rows.delete(to.token)
      return whole.swap.call(this, ctx, swap)
    },
  }),
  broken('swap of a new session takes one with the same data for its own', swaps.taken, {
    swap(ctx, swap) {
      if (!swap.from && this.holds(swap.to.token, swap.to.data)) return true
      return whole.swap.call(this, ctx, swap)
    },
  }),
  broken('swap to the token of an expired session is true and writes nothing', swaps.takenExpired, {
    swap(ctx, swap) {
      const { from, to } = swap
      const swapped = whole.swap.call(this, ctx, swap)
      return swapped || (!from && this.rows.has(to.token) && !this.live(to.token))
    },
  }),
  broken('swap takes out the first absorbed session only', [swaps.absorbs, swaps.addsAndAbsorbs], {
    swap(ctx, swap) {
      const rest = swap.absorbed.slice(1).map(({ token }) => [token, this.rows.get(token)] as const)
      const swapped = whole.swap.call(this, ctx, swap)
      if (swapped && rest.length > 1)
        for (const [token, row] of rest) if (row) this.rows.set(token, row)
      return swapped
    },
  }),
  broken('swap that moves takes out only the first absorbed session', swaps.absorbs, {
    swap(ctx, swap) {
      const [, , third] = swap.absorbed
      const row = third && this.rows.get(third.token)
      const swapped = whole.swap.call(this, ctx, swap)
      if (swapped && swap.from && row) this.rows.set(third.token, row)
      return swapped
    },
  }),
  broken('swap of a new session absorbs none', swaps.addsAndAbsorbs, {
    swap(ctx, swap) {
      const rows = swap.absorbed.map(({ token }) => [token, this.rows.get(token)] as const)
      const swapped = whole.swap.call(this, ctx, swap)
      if (swapped && !swap.from && rows.length === 3)
        for (const [token, row] of rows) if (row) this.rows.set(token, row)
      return swapped
    },
  }),
  broken('swap absorbs whatever is held', [swaps.comparesAbsorbed, swaps.bytes, oneStep.absorb], {
    swap(ctx, swap) {
      const absorbed = swap.absorbed.map(({ token, data }) => ({
        token,
        data: data.length > 0 ? (this.live(token)?.data ?? data) : data,
      }))
      return whole.swap.call(this, ctx, { ...swap, absorbed })
    },
  }),
  broken(
    'swap does without absorbed sessions that are missing',
    [swaps.comparesAbsorbed, swaps.gone, oneStep.absorb],
    {
      swap(ctx, swap) {
        const absorbed = swap.absorbed.filter(
          ({ token, data }) => this.rows.has(token) || (data.length > 0 && swap.from),
        )
        return whole.swap.call(this, ctx, { ...swap, absorbed })
      },
    },
  ),
  broken('swap absorbs expired sessions', swaps.comparesAbsorbed, {
    swap(ctx, swap) {
      for (const { token, data } of swap.absorbed) {
        const row = this.rows.get(token)
        if (row && row.expiry <= Date.now() && isSame(row.data, data))
          row.expiry = swap.to.expiry.getTime()
      }
      return whole.swap.call(this, ctx, swap)
    },
  }),
  broken('touch is true of what was absorbed', swaps.gone, {
    swap(ctx, swap) {
      const swapped = whole.swap.call(this, ctx, swap)
      if (swapped && swap.from)
        for (const { token } of swap.absorbed)
          this.rows.set(token, { data: new Uint8Array(0), expiry: -1 })
      return swapped
    },
    touch(ctx, token, expiry) {
      return this.rows.get(token)?.expiry === -1 || whole.touch.call(this, ctx, token, expiry)
    },
  }),
  broken('scan gives what was absorbed', swaps.unlisted, {
    swap(ctx, swap) {
      const swapped = whole.swap.call(this, ctx, swap)
      if (swapped && swap.from)
        for (const { token } of swap.absorbed)
          this.rows.set(token, { data: new Uint8Array(0), expiry: -1 })
      return swapped
    },
    page(wanted) {
      const dead = [...this.rows].filter(([token, row]) => row.expiry === -1 && wanted(token, 0))
      return [...dead, ...whole.page.call(this, wanted)].sort(([a], [b]) => (a < b ? -1 : 1))
    },
  }),
  broken('swap compares text', swaps.bytes, {
    swap(ctx, swap) {
      const asHeld = (row: { token: string; data: Uint8Array }) => {
        const held = this.live(row.token)?.data
        const isAlike = held && Buffer.from(held).toString() === Buffer.from(row.data).toString()
        return { token: row.token, data: isAlike ? held : row.data }
      }
      const absorbed = swap.absorbed.map(asHeld)
      return whole.swap.call(this, ctx, { ...swap, from: swap.from && asHeld(swap.from), absorbed })
    },
  }),
  broken('swap keeps the bytes it was given', swaps.copies, {
    swap(ctx, swap) {
      const swapped = whole.swap.call(this, ctx, swap)
      if (swapped) Object.assign(this.rows.get(swap.to.token) ?? {}, { data: swap.to.data })
      return swapped
    },
  }),
  broken('swap loses what else is in the row', swaps.extras, {
    swap(ctx, swap) {
      const swapped = whole.swap.call(this, ctx, swap)
      if (swapped) delete this.rows.get(swap.to.token)?.extra
      return swapped
    },
  }),
  broken('swap looks first, then writes', oneStep.swap, {
    async swap(ctx, swap) {
      const { from, to, absorbed } = swap
      if (!from || absorbed.length > 0) return whole.swap.call(this, ctx, swap)
      const isHeld = this.holds(from.token, from.data)
      await tick()
      if (!isHeld) return false
      const isFree = from.token === to.token || !this.rows.has(to.token)
      if (isFree) {
        if (from.token !== to.token) this.rows.delete(from.token)
        this.write(to.token, to.data, to.expiry)
      }
      return isFree
    },
  }),
  broken('swap writes what was deleted meanwhile', oneStep.swap, {
    async swap(ctx, swap) {
      const swapped = whole.swap.call(this, ctx, swap)
      const row = this.rows.get(swap.to.token)
      await tick()
      if (swapped && row && swap.from?.token === swap.to.token && swap.absorbed.length === 0) {
        if (!this.rows.has(swap.to.token)) this.rows.set(swap.to.token, row)
      }
      return swapped
    },
  }),
  broken('swap looks at absorbed sessions first, then writes', oneStep.absorb, {
    async swap(ctx, swap) {
      const { from, to, absorbed } = swap
      if (!absorbed.every(({ token, data }) => this.holds(token, data))) return false
      await tick()
      const swapped = whole.swap.call(this, ctx, { from, to, absorbed: none })
      if (swapped) for (const { token } of absorbed) this.rows.delete(token)
      return swapped
    },
  }),
  broken('swap takes absorbed sessions out before it looks at its own', oneStep.absorb, {
    async swap(ctx, swap) {
      const { from, to, absorbed } = swap
      const held = from ? [from, ...absorbed] : absorbed
      if (!held.every(({ token, data }) => this.holds(token, data))) return false
      if (from?.token !== to.token && this.rows.has(to.token)) return false
      for (const { token } of absorbed) this.rows.delete(token)
      if (absorbed.length > 0) for (let ticks = 0; ticks < 5; ticks++) await tick()
      return whole.swap.call(this, ctx, { from, to, absorbed: none })
    },
  }),
]

/** One fault each; the cases that it fails. */
export const brokenStores: readonly BrokenStore[] = [
  ...findAndCommit,
  ...expiries,
  ...data,
  ...tokens,
  ...concurrency,
  ...lists,
  ...findWithExpiry,
  ...touch,
  ...swap,
]
