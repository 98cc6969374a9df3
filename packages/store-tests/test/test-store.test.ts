import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type CtxStore, MemoryStore, type SessionStore, type Store } from '@scs/core'
import { describe, expect, it } from 'vitest'
import { cases, type StoreTarget, type TestRunner, testStore } from '../src/index.ts'
import { RowStore } from './row-store.ts'

const memory = () => new MemoryStore({ cleanupInterval: 0 })

function plainOnly(store = memory()): Store {
  return {
    find: (token) => store.find(token),
    commit: (token, data, expiry) => store.commit(token, data, expiry),
    delete: (token) => store.delete(token),
  }
}

function ctxOnly(store = memory()): CtxStore {
  return {
    findCtx: async (_ctx, token) => store.find(token),
    commitCtx: async (_ctx, token, data, expiry) => store.commit(token, data, expiry),
    deleteCtx: async (_ctx, token) => store.delete(token),
  }
}

function both(store = memory()): SessionStore {
  return { ...plainOnly(store), ...ctxOnly(store), all: () => store.all() }
}

function withExtras(): StoreTarget {
  const store = new RowStore()
  return {
    store,
    extras: {
      write: (token) =>
        Object.assign(store.rows.get(token) ?? {}, { extra: [1, { child: 'row' }] }),
      read: async (token) => store.rows.get(token)?.extra,
    },
  }
}

const shared = memory()
const runner = { describe, it }
describe('MemoryStore', () => {
  testStore(runner, 'keeps the promises of a store', memory, { without: ['extras'] })
})
testStore(runner, 'MemoryStore, one for all cases', async () => shared, { without: ['extras'] })
testStore(runner, 'only Store', () => plainOnly(), { without: ['all', 'scan', 'atomic', 'extras'] })
testStore(runner, 'only CtxStore', () => ctxOnly(), {
  without: ['all', 'scan', 'atomic', 'extras'],
})
testStore(runner, 'Store and CtxStore', () => both(), { without: ['scan', 'atomic', 'extras'] })
testStore(runner, 'a store with extras', withExtras)

// A runner that runs at once what it is given, as testStore's caller sees it.
async function record(
  create: () => SessionStore | StoreTarget,
  options?: Parameters<typeof testStore>[3],
) {
  const tests: { name: string; fn: (...context: unknown[]) => Promise<void> }[] = []
  const groups: string[] = []
  const recorder: TestRunner = {
    describe: (name, fn) => {
      groups.push(name)
      fn()
    },
    it: (name, fn) => tests.push({ name, fn }),
  }
  testStore(recorder, 'the store', create, options)
  const results = await Promise.all(
    tests.map(async ({ name, fn }) => {
      const skipped: string[] = []
      const skip = (reason: string) => skipped.push(reason)
      const error = await fn({ skip }).then(
        () => undefined,
        (reason: Error) => reason.message,
      )
      return { name, error, skipped: skipped[0] }
    }),
  )
  return { groups, results }
}

describe('testStore', () => {
  it('registers every case once, under the name it was given', async () => {
    const { groups, results } = await record(memory)
    expect(groups).toEqual(['the store'])
    expect(results.map(({ name }) => name)).toEqual(cases.map(({ name }) => name))
    expect(new Set(cases.map(({ name }) => name)).size).toBe(cases.length)
  })

  it('skips the cases whose capability is not there, and says why', async () => {
    const { results } = await record(() => plainOnly())
    const skipped = results.filter((result) => result.skipped).map(({ name }) => name)
    expect(skipped).toEqual(cases.filter(({ needs }) => needs.length > 0).map(({ name }) => name))
    expect(results.find(({ name }) => name.startsWith('scan'))?.skipped).toBe(
      'there is no scan in the store',
    )
    expect(results.filter(({ error }) => error)).toEqual([])
  })

  it('runs under a runner whose tests get no context', async () => {
    const names: string[] = []
    const running: Promise<void>[] = []
    const bare: TestRunner = {
      describe: (_name, fn) => fn(),
      it: (name, fn) => {
        expect(fn.length).toBe(0)
        names.push(name)
        running.push(fn())
      },
    }
    testStore(bare, 'bare', () => plainOnly())
    await Promise.all(running)
    expect(names).toHaveLength(cases.length)
  })

  it('without leaves cases out, and fails a store that has the capability after all', async () => {
    const { results } = await record(memory, { without: ['scan', 'extras'] })
    expect(results.some(({ name }) => name.startsWith('scan '))).toBe(false)
    expect(results.filter(({ error }) => error)).toEqual([
      {
        name: 'is tested without scan, and has none',
        error: "there is scan in the store: remove 'scan' from `without`, so that it is tested",
        skipped: undefined,
      },
    ])
  })

  it('disposes of each target, also when the case fails', async () => {
    let open = 0
    const { results } = await record(() => {
      open += 1
      const store = Object.assign(plainOnly(), { find: () => undefined })
      return {
        store,
        [Symbol.asyncDispose]: async () => {
          open -= 1
        },
      }
    })
    expect(results.filter(({ error }) => error)).not.toEqual([])
    expect(open).toBe(0)
  })

  it('leaves nothing behind in a shared store', () => {
    expect(shared.all().size).toBe(0)
  })

  it('says through which methods a store with both variants failed', async () => {
    const { results } = await record(() => ({
      ...plainOnly(),
      ...ctxOnly(),
      find: () => new Uint8Array(0),
    }))
    expect(results.find(({ name }) => name.startsWith('find gives'))?.error).toBe(
      'by the methods without a context: find gives the data that commit was given; 9 bytes went in, 0 came back',
    )
  })

  it('names the methods of AtomicStore that are missing', async () => {
    const { results } = await record(
      () => Object.assign(new RowStore(), { touch: undefined, rename: undefined }) as never,
    )
    expect(results.filter(({ error }) => error).map(({ error }) => error)).toEqual([
      'the store has some methods of AtomicStore, but not touch: a session manager refuses it',
    ])
  })

  it('a case run by hand on a store that lacks what it needs is an error, not a pass', async () => {
    const scan = cases.find(({ needs }) => needs.includes('scan'))
    await expect(scan?.run({ store: plainOnly() })).rejects.toThrow(
      '"scan gives every live session and its data" needs scan, which the store has not',
    )
  })

  it('runs under node:test, which shows what was skipped', async () => {
    const fixture = fileURLToPath(new URL('./fixtures/under-node-test.ts', import.meta.url))
    // A test run in a test run would report to its parent.
    const { NODE_TEST_CONTEXT: _, ...env } = process.env
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--test', '--test-reporter=tap', fixture],
      { env },
    )
    const skipped = cases.filter(({ needs }) => needs.length > 0).length
    expect(stdout).toContain(`# pass ${cases.length - skipped}\n`)
    expect(stdout).toContain(`# skipped ${skipped}\n`)
    expect(stdout).toContain('# SKIP there is no AtomicStore in the store\n')
  })

  it('the README lists every case', () => {
    const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
    expect(cases.map(({ name }) => name).filter((name) => !readme.includes(`- ${name}\n`))).toEqual(
      [],
    )
  })
})
