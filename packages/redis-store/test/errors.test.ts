import { readFileSync } from 'node:fs'
import { inspect } from 'node:util'
import { background, hour, SessionManager, withSignal } from '@scs/core'
import { RedisStore } from '@scs/redis-store'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { moved, over } from '../../../test/swaps.ts'
import { sessionsOf } from '../../drizzle-store/test/sessions-of.ts'
import { type Driver, drivers, nodeRedis, type Opened } from './drivers.ts'
import { canStartRedis, durable, type OwnRedis, startRedis } from './own-redis.ts'

const ctx = background()
const future = new Date('2100-01-01')
const token = 'SECRET-token-of-a-session'
const otherToken = 'SECRET-token-of-another'
const secret = 'SECRET-session-data'
const data = Buffer.from(secret)

async function open(driver: Driver, ...options: string[]): Promise<Opened & { server: OwnRedis }> {
  const server = await startRedis(...options)
  const opened = await driver.open(server.url)
  onTestFinished(async () => {
    await opened.close()
    await server.stop()
  })
  return { ...opened, server }
}

describe.skipIf(!canStartRedis())('errors', () => {
  for (const driver of drivers) {
    it(`${driver.name}: a Redis that is away is an error, and nothing else; when it is back, all goes on`, async () => {
      const { client, run, server } = await open(driver, ...durable)
      const store = new RedisStore(client)
      await store.commitCtx(ctx, token, data, future)
      // What comes now is not answered any more.
      await run('CLIENT', 'PAUSE', '60000', 'ALL')
      const asked = calls(store).map((call) => failureOf(call))
      await new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
      await server.kill()
      const late = calls(store).map((call) => failureOf(call))
      await server.restart()
      const failures = (await Promise.all([...asked, ...late])).filter((error) => error)
      // ioredis sends again what was not answered.
      if (!driver.name.startsWith('ioredis')) expect(failures.length).toBeGreaterThan(0)
      for (const error of failures) {
        expect(error?.message).toMatch(/^RedisStore could not [a-z ]+: ./)
        expectNoSecret(error)
      }
      await vi.waitFor(() => store.commitCtx(ctx, token, data, future), { timeout: 50_000 })
      expect(await store.findCtx(ctx, token)).toEqual(data)
    })

    it(`${driver.name}: a Redis that takes no writes fails no page that only reads`, async () => {
      const { client, run } = await open(driver)
      const errors: Error[] = []
      const sessions = new SessionManager({
        store: new RedisStore(client),
        idleTimeout: hour,
        touchInterval: 0,
        onError: (error) => errors.push(error as Error),
      })
      const session = await sessions.load(ctx, '')
      sessions.put(session, 'name', 'Ada')
      const { token = '' } = (await sessions.commit(session)) ?? {}
      await run('CONFIG', 'SET', 'min-replicas-to-write', '1')
      const page = await sessions.load(ctx, token)
      expect(sessions.getString(page, 'name')).toBe('Ada')
      expect(await sessions.commit(page)).toBeUndefined()
      expect(errors).toEqual([expect.objectContaining({ code: 'NOREPLICAS' })])
      sessions.put(page, 'name', 'Grace')
      await expect(sessions.commit(page)).rejects.toMatchObject({ code: 'NOREPLICAS' })
      await run('CONFIG', 'SET', 'min-replicas-to-write', '0')
      expect(await sessions.commit(await sessions.load(ctx, token))).toMatchObject({ token })
      expect(errors).toHaveLength(1)
    })

    it(`${driver.name}: what Redis refuses tells its code, and neither token nor data`, async () => {
      const { client, run } = await open(driver)
      const store = new RedisStore(client)
      await store.commitCtx(ctx, token, data, future)
      const errors: (Error | undefined)[] = []
      await run('CONFIG', 'SET', 'maxmemory', '1')
      const full = await failureOf(() => store.commitCtx(ctx, token, data, future))
      expect(full).toMatchObject({ code: 'OOM', message: expect.stringMatching('maxmemory') })
      errors.push(full, await failureOf(() => store.swap(ctx, over(token, data, data, future))))
      await run('CONFIG', 'SET', 'maxmemory', '0')
      expect(await store.findCtx(ctx, token)).toEqual(data)

      await run('CONFIG', 'SET', 'min-replicas-to-write', '1')
      const alone = await failureOf(() => store.touch(ctx, token, future))
      expect(alone).toMatchObject({ code: 'NOREPLICAS' })
      errors.push(alone)
      await run('CONFIG', 'SET', 'min-replicas-to-write', '0')

      await run('DEL', `scs:session:${token}`)
      await run('LPUSH', `scs:session:${token}`, secret)
      const notOurs = await failureOf(() => store.findCtx(ctx, token))
      expect(notOurs).toMatchObject({ code: 'WRONGTYPE' })
      errors.push(notOurs, await failureOf(() => store.findWithExpiry(ctx, token)))
      for (const error of errors) expectNoSecret(error)
    })

    it(`${driver.name}: a user who may not is told which command`, async () => {
      const { client, run, server } = await open(driver)
      await run('ACL', 'SETUSER', 'reader', 'on', '>word', '~scs:session:*', '+get', '+info')
      const url = new URL(server.url)
      Object.assign(url, { username: 'reader', password: 'word' })
      await new RedisStore(client).commitCtx(ctx, token, data, future)
      const reader = await driver.open(url.href)
      onTestFinished(reader.close)
      const store = new RedisStore(reader.client)
      expect(await store.findCtx(ctx, token)).toEqual(data)
      const error = await failureOf(() => store.swap(ctx, over(token, data, data, future)))
      expect(error).toMatchObject({
        code: 'NOPERM',
        message: expect.stringMatching(/no permissions to run the 'evalsha' command/),
      })
      expectNoSecret(error)
      expectNoSecret(
        await failureOf(() => new RedisStore(reader.client, { prefix: '' }).findCtx(ctx, token)),
      )
    })
  }

  it('the rights that the README asks for are enough', async () => {
    const { client, run, server } = await open(nodeRedis)
    const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
    const [, rights = ''] = /Access rights.*?`([^`]+)`/s.exec(readme) ?? []
    expect(rights).toMatch(/^\+get /)
    await run('ACL', 'SETUSER', 'sessions', 'on', '>word', '~scs:session:*', ...rights.split(' '))
    const url = Object.assign(new URL(server.url), { username: 'sessions', password: 'word' })
    const opened = await nodeRedis.open(url.href)
    onTestFinished(opened.close)
    await expect(opened.run('FLUSHALL')).rejects.toThrow('NOPERM')
    const store = new RedisStore(opened.client)
    for (const call of calls(store)) await call()
    await new RedisStore(client).commitCtx(ctx, token, data, future)
    expect(await store.swap(ctx, moved(token, otherToken, data, data, future))).toBe(true)
    expect((await sessionsOf(store)).size).toBe(1)
  })

  it('a command that the server does not know is an error that says which Redis is needed', async () => {
    const before7 = ['--rename-command', 'PEXPIRETIME', 'away']
    const { client } = await open(nodeRedis, ...before7, '--rename-command', 'PEXPIREAT', 'gone')
    const store = new RedisStore(client)
    await store.commitCtx(ctx, token, data, future)
    for (const call of [
      () => store.findWithExpiry(ctx, token),
      () => store.touch(ctx, token, future),
    ]) {
      const error = await failureOf(call)
      expect(error?.message).toMatch(/lacks a command.*Redis 7 or later, or Valkey/)
      expect(error).toHaveProperty('code', 'ERR')
      expectNoSecret(error)
    }
  })

  it('a find whose client has gone while it waited is not sent', async () => {
    const { client, run, server } = await open(nodeRedis)
    const store = new RedisStore(client)
    await server.kill()
    // Until it has noticed, it would send.
    const state = client as { isReady?: boolean }
    await vi.waitUntil(() => state.isReady === false, { timeout: 50_000 })
    const controller = new AbortController()
    const waiting = [
      failureOf(() => store.findCtx(withSignal(ctx, controller.signal), token)),
      failureOf(() => store.findWithExpiry(withSignal(ctx, controller.signal), token)),
    ]
    await new Promise((resolve) => setImmediate(resolve))
    controller.abort(new Error('the client has gone'))
    await server.restart()
    await vi.waitFor(() => run('PING'), { timeout: 50_000 })
    for (const error of await Promise.all(waiting)) {
      expect(error?.message).toBe('the client has gone')
    }
    expect(String(await run('INFO', 'commandstats'))).not.toMatch(/cmdstat_(?:get|evalsha)/)
  })

  it('a client that is not connected is an error of each method', async () => {
    const { createClient } = await import('redis')
    const store = new RedisStore(createClient())
    for (const call of calls(store)) {
      expect((await failureOf(call))?.message).toMatch(
        /^RedisStore could not [a-z ]+: The client is closed/,
      )
    }
  })

  it('bad arguments are refused, and nothing is written', async () => {
    const { client, run } = await open(nodeRedis)
    const store = new RedisStore(client)
    for (const malformed of ['', 'a b', 'a'.repeat(44), 'é', `${token}\0`, 'a=']) {
      for (const call of [
        () => store.commitCtx(ctx, malformed, data, future),
        () => store.swap(ctx, moved(token, malformed, data, data, future)),
      ]) {
        const error = await failureOf(call)
        expect(error).toBeInstanceOf(TypeError)
        expect(error?.message).toMatch(/^token must be/)
      }
    }
    for (const expiry of [new Date(Number.NaN), new Date('+010000-01-01T00:00:00Z')]) {
      for (const call of [
        () => store.commitCtx(ctx, token, data, expiry),
        () => store.touch(ctx, token, expiry),
        () => store.swap(ctx, over(token, data, data, expiry)),
        () => store.swap(ctx, moved(token, otherToken, data, data, expiry)),
      ]) {
        const error = await failureOf(call)
        expect(error).toBeInstanceOf(TypeError)
        expect(error?.message).toMatch(/^expiry must be a valid Date/)
      }
    }
    expect(await run('DBSIZE')).toBe(0)
  })
})

function calls(store: RedisStore): (() => Promise<unknown>)[] {
  return [
    () => store.findCtx(ctx, token),
    () => store.findWithExpiry(ctx, token),
    () => store.commitCtx(ctx, token, data, future),
    () => store.swap(ctx, over(token, data, Buffer.from(`${secret}2`), future)),
    () => store.touch(ctx, token, future),
    () => store.swap(ctx, moved(token, otherToken, data, Buffer.from(secret), future)),
    () =>
      store.swap(ctx, {
        from: { token, data },
        to: { token: 'swapped', data: Buffer.from(secret), expiry: future },
        absorbed: [{ token: otherToken, data }],
      }),
    () => store.deleteCtx(ctx, token),
    () => sessionsOf(store),
    () => store.scan(ctx)[Symbol.asyncIterator]().next(),
  ]
}

async function failureOf(call: () => Promise<unknown>): Promise<Error | undefined> {
  try {
    await call()
    return undefined
  } catch (error) {
    if (error instanceof Error) return error
    throw error
  }
}

function expectNoSecret(error: Error | undefined): void {
  expect(error).toBeInstanceOf(Error)
  const shown = [
    error?.message,
    error?.stack,
    inspect(error, { depth: 10, showHidden: true }),
    JSON.stringify(error, Object.getOwnPropertyNames(error)),
  ].join('\n')
  for (const form of ['SECRET', data.toString('hex'), data.toString('base64')]) {
    expect(shown.toLowerCase()).not.toContain(form.toLowerCase())
  }
  expect(error?.cause).toBeUndefined()
}
