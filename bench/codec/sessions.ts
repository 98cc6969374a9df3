/** What a session of a typical application holds, in several sizes, plain and with values that JSON has no word for. */
export interface Sample {
  readonly name: string
  readonly values: ReadonlyMap<string, unknown>
}

const login = { userID: 48_151, authenticated: true, flash: 'Saved.' }

const account = {
  user: { id: 48_151, name: 'Ann Example', email: 'ann@example.com', roles: ['admin', 'editor'] },
  csrf: 'uW4mTz9hQk2rV6xLd8sYb1nGc5pJf3aE',
  theme: 'dark',
  visits: 23,
}

const article = (index: number): object => ({
  sku: `sku-${index}`,
  title: `Article number ${index}, in blue`,
  quantity: (index % 3) + 1,
  price: 9.5 + index,
  options: ['gift', 'express'],
})

const cart = (length: number): object[] => Array.from({ length }, (_, index) => article(index))

const since = new Date('2026-11-30T08:15:00.000Z')

const sample = (name: string, values: object): Sample => ({
  name,
  values: new Map(Object.entries(values)),
})

/** Plain values alone, about 100 B, 1 KB, 10 KB and 100 KB of JSON. */
export const plain: readonly Sample[] = [
  sample('100 B', login),
  sample('1 KB', { ...account, cart: cart(8) }),
  sample('10 KB', { ...account, cart: cart(88) }),
  sample('100 KB', { ...account, cart: cart(920) }),
]

/** The same with dates, a Map, a bigint and bytes in it. */
export const rich: readonly Sample[] = [
  sample('100 B', { ...login, since }),
  sample('1 KB', {
    ...account,
    since,
    id: 2n ** 62n,
    seen: new Map([['a', since]]),
    cart: cart(7),
  }),
  sample('100 KB', {
    ...account,
    since,
    avatar: new Uint8Array(3000).fill(200),
    cart: cart(880).map((item) => ({ ...item, since })),
  }),
]
