/** How much a session holds: bytes of JSON, about. */
export type SessionSize = '100 B' | '1 KB' | '10 KB'

/** What every server answers with; sessions hold it under `name`. */
export const answer = 'Ann Example'

const login = { name: answer, userID: 48_151, authenticated: true, flash: 'Saved.' }

const account = {
  ...login,
  email: 'ann@example.com',
  roles: ['admin', 'editor'],
  csrf: 'uW4mTz9hQk2rV6xLd8sYb1nGc5pJf3aE',
  theme: 'dark',
}

/** The values of a session of that size. */
export function valuesOf(size: SessionSize): Record<string, unknown> {
  switch (size) {
    case '100 B':
      return login
    case '1 KB':
      return { ...account, cart: cart(7) }
    case '10 KB':
      return { ...account, cart: cart(84) }
  }
}

function cart(length: number): object[] {
  return Array.from({ length }, (_, index) => ({
    sku: `sku-${index}`,
    title: `Article number ${index}, in blue`,
    quantity: (index % 3) + 1,
    price: 9.5 + index,
    options: ['gift', 'express'],
  }))
}
