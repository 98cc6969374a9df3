import type { SessionStore } from '@scs/core'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { capabilitiesOf, cases, type StoreTarget } from '../src/index.ts'
import { brokenStores } from './broken-stores.ts'
import { RowStore } from './row-store.ts'

// Each timer moves the clock to where it is due: nothing waits, and nothing depends on how busy the machine is.
beforeAll(() => {
  vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'performance'] }).setTimerTickMode(
    'nextTimerAsync',
  )
})
afterAll(() => {
  vi.useRealTimers()
})

function withExtras(store: SessionStore): StoreTarget {
  if (!(store instanceof RowStore)) return { store }
  return {
    store,
    extras: {
      write(token) {
        const row = store.rows.get(token)
        if (row) row.extra = { userID: 4 }
      },
      read: (token) => store.rows.get(token)?.extra,
    },
  }
}

// The names of the cases that a store fails; each on a new store.
async function failuresOf(create: () => SessionStore): Promise<string[]> {
  const failed: string[] = []
  for (const { name, needs, run } of cases) {
    const target = withExtras(create())
    const capabilities = capabilitiesOf(target)
    if (!needs.every((need) => capabilities.has(need))) continue
    await run(target).catch(() => failed.push(name))
  }
  return failed
}

describe('each fault fails the case that names it, and no other', () => {
  it('no fault fails no case', async () => {
    expect(await failuresOf(() => new RowStore())).toEqual([])
  })

  for (const { fault, create, fails } of brokenStores) {
    it(fault, async () => {
      expect(await failuresOf(create)).toEqual(fails)
    })
  }
})

// Faults that no case can look past.
describe('a store that cannot work at all fails the case that names it, and those that build on it', () => {
  it('delete is missing', async () => {
    const failed = await failuresOf(
      () => Object.assign(new RowStore(), { delete: undefined }) as never,
    )
    expect(failed).toContain('has find, commit and delete, with a context or without')
    expect(failed).toContain('delete removes the session')
    expect(failed).not.toContain('find gives the data that was committed')
  })

  it('find gives a session once', async () => {
    const failed = await failuresOf(() =>
      Object.assign(new RowStore(), {
        find(this: RowStore, token: string) {
          const found = this.live(token)?.data
          this.rows.delete(token)
          return found
        },
      }),
    )
    expect(failed).toContain('find gives the data that was committed')
    expect(failed).not.toContain('commit replaces the data')
  })
})

it('every case has a fault that it alone fails', () => {
  const alone = new Set(
    brokenStores.filter(({ fails }) => fails.length === 1).flatMap(({ fails }) => fails),
  )
  const others = cases.map(({ name }) => name).filter((name) => !alone.has(name))
  expect(others).toEqual([
    'has find, commit and delete, with a context or without',
    'find gives the data that was committed',
  ])
})
