import { background, withSignal } from '@scs/core'
import { type NodeRedisClient, RedisStore } from '@scs/redis-store'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { moved, over } from '../../../test/swaps.ts'
import { sessionsOf } from '../../drizzle-store/test/sessions-of.ts'
import { drivers, ioredis, nodeRedis, type Opened } from './drivers.ts'
import { redisUrl } from './redis-url.ts'

const ctx = background()
const future = new Date('2100-01-01')
const data = Buffer.from('data')

describe('new RedisStore', () => {
  const client = { sendCommand: async () => null }
  const construct = (...args: unknown[]) => Reflect.construct(RedisStore, args)

  it.each<[string, unknown[], string]>([
    ['no client', [], 'client must be what createClient'],
    ['a client among the options', [{ client }], 'client must be what createClient'],
    [
      'a client among the options as well',
      [client, { client }],
      'RedisStore has no option client: the client is the first argument, new RedisStore(client)',
    ],
    [
      'keyPrefix',
      [client, { keyPrefix: 'x' }],
      'RedisStore has no option keyPrefix: did you mean prefix?',
    ],
    ['ttl', [client, { ttl: 60 }], 'RedisStore has no option ttl: a session ends when'],
    [
      'a prefix in place of the options',
      [client, 'sess:'],
      'the options of RedisStore must be an object, such as { prefix: … }; it is a string',
    ],
    ['a prefix that is none', [client, { prefix: 5 }], 'prefix must be a string'],
  ])('throws a TypeError for %s', (_what, args, message) => {
    expect(() => construct(...args)).toThrow(TypeError)
    expect(() => construct(...args)).toThrow(message)
  })
})

describe.skipIf(redisUrl() === undefined)('RedisStore', () => {
  let opened: Opened
  const run = (...args: string[]) => opened.run(...args)
  // Everything that a client was asked to send, and how much of it was on its way at once.
  let sent: string[] = []
  let mostAtOnce = 0
  function listening(prefix: string): RedisStore {
    let onTheWay = 0
    const heard: NodeRedisClient = {
      async sendCommand(args, options) {
        sent.push(args.map(String).slice(0, 2).join(' '))
        mostAtOnce = Math.max(mostAtOnce, ++onTheWay)
        try {
          return await (opened.client as NodeRedisClient).sendCommand(args, options)
        } finally {
          onTheWay--
        }
      },
    }
    return new RedisStore(heard, { prefix })
  }

  beforeAll(async () => {
    opened = await nodeRedis.open(redisUrl() ?? '')
  })
  afterAll(() => opened?.close())
  afterEach(() => {
    sent = []
    mostAtOnce = 0
  })

  it('files a session as a string under the prefix and the token, which Redis expires', async () => {
    await new RedisStore(opened.client).commitCtx(ctx, 'token', data, future)
    expect(await run('GET', 'scs:session:token')).toBe('data')
    expect(await run('PEXPIRETIME', 'scs:session:token')).toBe(future.getTime())
    await run('DEL', 'scs:session:token')
  })

  it('a prefix of one’s own keeps sessions apart from others, whatever it holds', async () => {
    const prefixes = ['', 'a:', 'a:b:', 'a*:', 'a?:', 'a[bc]:', 'a\\:', 'ä:', '{a}:']
    const stores = prefixes.map((prefix) => new RedisStore(opened.client, { prefix }))
    for (const [i, store] of stores.entries())
      await store.commitCtx(ctx, 'token', Buffer.of(i), future)
    for (const [i, store] of stores.entries()) {
      const all = await sessionsOf(store)
      expect(all.get('token')).toEqual(Buffer.of(i))
      if (prefixes[i] !== '') expect([...all.keys()]).toEqual(['token'])
      await store.deleteCtx(ctx, 'token')
      expect((await sessionsOf(store)).has('token')).toBe(false)
    }
  })

  it('iteration leaves out keys that are no sessions', async () => {
    const store = new RedisStore(opened.client, { prefix: 'mixed:' })
    await run('SET', 'mixed:moved:{mixed:a}', 'b')
    await run('SET', 'mixed:a b', 'not a token')
    await run('SET', `mixed:${'a'.repeat(44)}`, 'not a token')
    await run('SET', 'mixe:a', 'not with this prefix')
    await store.commitCtx(ctx, 'a', data, future)
    expect([...(await sessionsOf(store)).entries()]).toEqual([['a', data]])
    await run('DEL', 'mixed:a', 'mixed:moved:{mixed:a}', 'mixed:a b', `mixed:${'a'.repeat(44)}`)
  })

  it('iteration reads as much as is asked of it, and no more than 200 sessions at once', async () => {
    const store = listening('pages:')
    const tokens = Array.from({ length: 1000 }, (_, i) => `t${i}`)
    await Promise.all(tokens.map((token) => store.commitCtx(ctx, token, data, future)))
    sent = []
    mostAtOnce = 0
    for await (const _ of store.scan(ctx)) break
    expect(sent.filter((text) => text.startsWith('GET')).length).toBeLessThan(201)
    expect((await sessionsOf(store)).size).toBe(1000)
    expect(mostAtOnce).toBeGreaterThan(100)
    expect(mostAtOnce).toBeLessThan(201)
    await Promise.all(tokens.map((token) => store.deleteCtx(ctx, token)))
  })

  it('iteration ends when the signal is aborted', async () => {
    for (const driver of [nodeRedis, ioredis]) {
      const { client, close } = await driver.open(redisUrl() ?? '')
      const store = new RedisStore(client, { prefix: 'aborted:' })
      const tokens = Array.from({ length: 500 }, (_, i) => `t${i}`)
      await Promise.all(tokens.map((token) => store.commitCtx(ctx, token, data, future)))
      const controller = new AbortController()
      const seen: string[] = []
      const iterate = async () => {
        for await (const [token] of store.scan(withSignal(ctx, controller.signal))) {
          seen.push(token)
          controller.abort(new Error('gone'))
        }
      }
      await expect(iterate()).rejects.toThrow('gone')
      // The page that was read is given.
      expect(seen.length).toBeLessThan(201)
      await Promise.all(tokens.map((token) => store.deleteCtx(ctx, token)))
      await close()
    }
  })

  it('an expiry in the past deletes, whenever that was', async () => {
    const store = new RedisStore(opened.client, { prefix: 'past:' })
    for (const time of [Date.now() - 1, 1, 0, -1, -62_135_596_800_000, -8.64e15]) {
      const past = new Date(time)
      await store.commitCtx(ctx, 'a', data, future)
      await store.commitCtx(ctx, 'a', data, past)
      expect(await run('EXISTS', 'past:a')).toBe(0)
      await store.commitCtx(ctx, 'a', data, future)
      expect(await store.touch(ctx, 'a', past)).toBe(true)
      expect(await run('EXISTS', 'past:a')).toBe(0)
      await store.commitCtx(ctx, 'a', data, future)
      expect(await store.swap(ctx, over('a', data, data, past))).toBe(true)
      expect(await run('EXISTS', 'past:a')).toBe(0)
      await store.commitCtx(ctx, 'a', data, future)
      expect(await store.swap(ctx, moved('a', 'b', data, data, past))).toBe(true)
      expect(await run('EXISTS', 'past:a', 'past:b')).toBe(0)
    }
  })

  it('each method is one command in one round trip', async () => {
    const store = listening('trips:')
    const calls: Record<string, () => Promise<unknown>> = {
      SET: () => store.commitCtx(ctx, 'a', data, future),
      GET: () => store.findCtx(ctx, 'a'),
      PEXPIREAT: () => store.touch(ctx, 'a', future),
      DEL: () => store.deleteCtx(ctx, 'a'),
    }
    for (const [command, call] of Object.entries(calls)) {
      await call()
      expect(sent).toEqual([`${command} trips:a`])
      sent = []
    }
    await store.commitCtx(ctx, 'a', data, future)
    for (const call of [
      () => store.findWithExpiry(ctx, 'a'),
      () => store.swap(ctx, over('a', data, data, future)),
      () => store.swap(ctx, moved('a', 'b', data, data, future)),
    ]) {
      await call()
      sent = []
      await call()
      expect(sent).toEqual([expect.stringMatching(/^EVALSHA /)])
    }
    await store.deleteCtx(ctx, 'b')
  })

  it('a malformed token makes no round trip', async () => {
    const store = listening('malformed:')
    for (const token of ['', 'a b', 'a'.repeat(44), 'ä', 'a*']) {
      expect(await store.findCtx(ctx, token)).toBeUndefined()
      expect(await store.findWithExpiry(ctx, token)).toBeUndefined()
      await store.deleteCtx(ctx, token)
      expect(await store.touch(ctx, token, future)).toBe(false)
      expect(await store.swap(ctx, moved(token, 'b', data, data, future))).toBe(false)
    }
    expect(sent).toEqual([])
  })

  for (const driver of drivers) {
    it(`${driver.name}: scripts that the server has forgotten are loaded again, also under load`, async () => {
      const { client, run: command, close } = await driver.open(redisUrl() ?? '')
      const store = new RedisStore(client, { prefix: `forgotten ${driver.name}:` })
      await store.commitCtx(ctx, 'a', data, future)
      for (let round = 0; round < 5; round++) {
        const flushing = command('SCRIPT', 'FLUSH')
        const reading = Array.from({ length: 20 }, () => store.findWithExpiry(ctx, 'a'))
        const swapping = Array.from({ length: 20 }, (_, i) =>
          store.swap(ctx, over('a', data, Buffer.from(`by ${i}`), future)),
        )
        await flushing
        for (const row of await Promise.all(reading)) expect(row?.expiry).toEqual(future)
        expect((await Promise.all(swapping)).filter((done) => done)).toHaveLength(1)
        const held = await store.findCtx(ctx, 'a')
        await command('SCRIPT', 'FLUSH')
        expect(await store.swap(ctx, moved('a', 'b', held ?? data, data, future))).toBe(true)
        expect(await store.swap(ctx, moved('b', 'a', data, data, future))).toBe(true)
      }
      await store.deleteCtx(ctx, 'a')
      await close()
    })

    it(`${driver.name}: a swap to the token of another session is false, and changes neither`, async () => {
      const { client, close } = await driver.open(redisUrl() ?? '')
      const store = new RedisStore(client, { prefix: `taken ${driver.name}:` })
      await store.commitCtx(ctx, 'a', data, future)
      await store.commitCtx(ctx, 'b', Buffer.from('other'), future)
      expect(await store.swap(ctx, moved('a', 'b', data, data, future))).toBe(false)
      expect(await store.findCtx(ctx, 'a')).toEqual(data)
      expect(await store.findCtx(ctx, 'b')).toEqual(Buffer.from('other'))
      expect(await store.swap(ctx, moved('a', 'a', data, Buffer.from('new'), future))).toBe(true)
      expect(await store.findCtx(ctx, 'a')).toEqual(Buffer.from('new'))
      for (const token of ['a', 'b']) await store.deleteCtx(ctx, token)
      await close()
    })
  }

  it('a session without an expiry, which something else has filed, counts as one that is to be touched', async () => {
    await run('SET', 'scs:session:eternal', 'data')
    const store = new RedisStore(opened.client)
    const row = await store.findWithExpiry(ctx, 'eternal')
    expect(row?.data).toEqual(data)
    expect(row?.expiry.getTime()).toBeLessThan(Date.now())
    expect(await store.touch(ctx, 'eternal', future)).toBe(true)
    expect((await store.findWithExpiry(ctx, 'eternal'))?.expiry).toEqual(future)
    await store.deleteCtx(ctx, 'eternal')
  })
})

describe('the constructor, and what it refuses', () => {
  const client = { sendCommand: () => Promise.resolve(null) }

  it('a prefix that is no string, or has a brace without a hash tag', () => {
    for (const prefix of [1, {}, ['a'], false]) {
      expect(() => new RedisStore(client, { prefix: prefix as never })).toThrow(
        /^prefix must be a string/,
      )
    }
    for (const prefix of ['{', '}', 'a{b:', 'a}b:', '{}:', '{}{a}:', '}{']) {
      expect(() => new RedisStore(client, { prefix })).toThrow(/^prefix may have braces only/)
    }
    for (const prefix of ['', '{a}:', 'a{b}c', '}{a}', '{{a}}']) new RedisStore(client, { prefix })
  })

  it('many stores on one client add no listener each', async () => {
    const { Redis } = await import('ioredis')
    const client = new Redis({ lazyConnect: true })
    for (let i = 0; i < 20; i++) new RedisStore(client, { prefix: `${i}:` })
    expect(client.listenerCount('close')).toBe(1)
  })

  it('what is no client', () => {
    for (const not of [undefined, null, 'redis://', {}, [], new Map(), Promise.resolve(client)]) {
      expect(() => new RedisStore(not as never)).toThrow(/^client must be what createClient/)
    }
  })

  it('clients that look like one, each with the reason', async () => {
    const { createClient, createSentinel } = await import('redis')
    const { Redis } = await import('ioredis')
    const misfits: readonly (readonly [unknown, RegExp])[] = [
      [
        createSentinel({ name: 'main', sentinelRootNodes: [] }),
        /^client is a createSentinel of redis, which sends a command again/,
      ],
      [createClient().legacy(), /^client is a legacy\(\) client of redis, .*callbacks/],
      [createClient().multi(), /^client is a multi\(\) or a pipeline\(\)/],
      [createClient().legacy().multi(), /^client is a multi\(\) or a pipeline\(\)/],
      [new Redis({ lazyConnect: true }).pipeline(), /^client is a multi\(\) or a pipeline\(\)/],
    ]
    for (const [misfit, reason] of misfits) {
      expect(() => new RedisStore(misfit as never)).toThrow(TypeError)
      expect(() => new RedisStore(misfit as never)).toThrow(reason)
    }
  })

  it('an ioredis client that changes keys, or reads from replicas', async () => {
    const { Cluster, Redis } = await import('ioredis')
    const prefixed = new Redis({ lazyConnect: true, keyPrefix: 'a:' })
    expect(() => new RedisStore(prefixed)).toThrow(/^client has a keyPrefix/)
    const nodes = ['redis://127.0.0.1:1']
    const both = new Cluster(nodes, { lazyConnect: true, keyPrefix: 'a:' })
    expect(() => new RedisStore(both)).toThrow(/^client has a keyPrefix/)
    for (const scaleReads of ['slave', 'all', () => []] as const) {
      const scaled = new Cluster(nodes, { lazyConnect: true, scaleReads: scaleReads as never })
      expect(() => new RedisStore(scaled)).toThrow(/scaleReads must be 'master'/)
    }
  })
})
