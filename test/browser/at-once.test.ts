import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { contextOf, SessionManager, type SessionStore } from '@scs/core'
import { DrizzleStore } from '@scs/drizzle-store'
import Database from 'better-sqlite3'
import { drizzle } from 'drizzle-orm/better-sqlite3'
import { describe, expect, it, onTestFinished } from 'vitest'
import { stores as caseStores } from '../conversations/stores.ts'
import { newPage, noChromium } from './chromium.ts'
import { sendPage, serve } from './serve.ts'

const host = 'app.test'
const twenty = Array.from({ length: 20 }, (_, i) => `key-${i + 10}`)

const stores = Object.entries<() => SessionStore | Promise<SessionStore>>({
  ...caseStores,
  'SQLite, through DrizzleStore': sqlite,
})

describe.skipIf(noChromium).each(stores)('on %s', (_, openStore) => {
  it('twenty fetches at once, each of which puts a key: all twenty are there', async () => {
    const manager = new SessionManager({ store: await openStore() })
    // None is answered before all are there, each with the session as it was then.
    const crowd = meeting(twenty.length)
    const at = await serve(
      'https',
      manager.loadAndSave(async (req, res) => {
        const ctx = contextOf(req)
        const [, action, key = ''] = req.url?.split('/') ?? []
        if (action === 'put') {
          await crowd.arrive()
          manager.put(ctx, key, true)
        } else if (action === 'sign-in') manager.put(ctx, 'signed-in', true)
        if (action === 'keys') res.end(manager.keys(ctx).join())
        else sendPage(res)
      }),
    )
    const page = await newPage()
    await page.goto(at(host, '/sign-in'))
    const statuses = `Promise.all(${JSON.stringify(twenty)}.map(async (key) =>
      (await fetch('/put/' + key, { method: 'POST' })).status))`
    expect(await page.evaluate(statuses)).toEqual(twenty.map(() => 200))
    const keys = await page.evaluate("fetch('/keys').then((res) => res.text())")
    expect(keys).toBe([...twenty, 'signed-in'].join())
  })

  it('the page that a login redirects to sees its session, whoever signs in', async () => {
    const manager = new SessionManager<{ userName: string }>({ store: await openStore() })
    const at = await serve(
      'https',
      manager.loadAndSave(async (req, res) => {
        const ctx = contextOf(req)
        const [, action, name = ''] = req.url?.split('/') ?? []
        if (action !== 'sign-in') {
          return sendPage(res, `<output>${manager.getString(ctx, 'userName')}</output>`)
        }
        if (req.method === 'GET') {
          return sendPage(res, '<form method="post"><button>Sign in</button></form>')
        }
        await manager.renewToken(ctx)
        manager.put(ctx, 'userName', name)
        res.writeHead(303, { Location: '/' }).end()
      }),
    )
    const page = await newPage()
    for (const name of ['ada', 'grace', 'alan']) {
      await page.goto(at(host, `/sign-in/${name}`))
      await page.getByRole('button').click()
      expect(await page.locator('output').textContent()).toBe(name)
    }
  })
})

/** Nobody goes on before `size` have arrived. */
function meeting(size: number) {
  const complete = Promise.withResolvers<void>()
  let arrived = 0
  return {
    arrive(): Promise<void> {
      if (++arrived === size) complete.resolve()
      return complete.promise
    },
  }
}

async function sqlite(): Promise<SessionStore> {
  const folder = mkdtempSync(join(tmpdir(), 'scs-browser-'))
  const client = new Database(join(folder, 'sessions.db'))
  const store = await DrizzleStore.create(drizzle({ client }))
  onTestFinished(async () => {
    await store.stopCleanup()
    client.close()
    rmSync(folder, { recursive: true })
  })
  return store
}
