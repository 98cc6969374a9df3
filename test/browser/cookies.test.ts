import { contextOf, day, hour, SessionManager, type SessionManagerOptions } from '@scs/core'
import type { Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { newPage, noChromium } from './chromium.ts'
import { sendPage, serve } from './serve.ts'

const host = 'app.test'

/** What Chromium keeps of a cookie that says nothing but its name and value, over https. */
const plain = {
  domain: host,
  path: '/',
  httpOnly: false,
  secure: false,
  session: true,
  priority: 'Medium',
}
/** What SCS's defaults add. */
const usual = { ...plain, name: 'session', httpOnly: true, session: false, sameSite: 'Lax' }

interface Case {
  readonly settings: string
  readonly cookie: NonNullable<SessionManagerOptions['cookie']>
  readonly kept: object
}

const cases: readonly Case[] = [
  { settings: 'the defaults', cookie: {}, kept: usual },
  {
    settings: 'a name with a prefix, secure and strict',
    cookie: { name: '__Host-id', secure: true, sameSite: 'strict' },
    kept: { ...usual, name: '__Host-id', secure: true, sameSite: 'Strict' },
  },
  {
    settings: 'a path and a domain',
    cookie: { path: '/app', domain: host },
    kept: { ...usual, path: '/app', domain: `.${host}` },
  },
  {
    settings: 'nothing but a name',
    cookie: { name: 'plain', httpOnly: false, sameSite: false, persist: false },
    kept: { ...plain, name: 'plain' },
  },
  {
    settings: 'a priority, no path',
    cookie: { priority: 'high', path: '' },
    // A cookie without a path belongs to the folder of the page that set it.
    kept: { ...usual, priority: 'High', path: '/app' },
  },
  {
    settings: 'for frames of other sites',
    cookie: { secure: true, sameSite: 'none', partitioned: true },
    kept: {
      ...usual,
      secure: true,
      sameSite: 'None',
      partitionKey: { topLevelSite: `https://${host}`, hasCrossSiteAncestor: false },
    },
  },
]

describe.skipIf(noChromium)('the cookie, as Chromium keeps it', () => {
  it.each(cases)('$settings', async ({ cookie, kept }) => {
    const manager = new SessionManager({ lifetime: 3 * hour, cookie })
    const { found, earliest, latest } = await visit(manager)
    expect(found).toEqual([expect.objectContaining(kept)])
    const [first] = found
    const { expires = 0 } = first ?? {}
    expect(Object.keys(first ?? {}).sort()).toEqual([...Object.keys(kept), ...derived].sort())
    if (first?.session) expect(expires).toBe(-1)
    else expect(earliest <= expires && expires <= latest).toBe(true)
  })

  it('a lifetime longer than browsers keep cookies is cut by the browser alone', async () => {
    const manager = new SessionManager({ lifetime: 1000 * day })
    const { found, latest } = await visit(manager)
    const [{ expires } = { expires: 0 }] = found
    expect(Math.round((latest - expires) / (day / 1000))).toBe(600)
  })

  it.each([true, false])('httpOnly: %s, and what scripts see', async (httpOnly) => {
    const manager = new SessionManager({ cookie: { httpOnly } })
    const at = await serve('https', setting(manager))
    const page = await newPage()
    await page.goto(at(host))
    const seen = httpOnly ? '' : expect.stringMatching(/^session=[\w-]{43}$/)
    expect(await page.evaluate('document.cookie')).toEqual(seen)
    expect(await page.evaluate('cookieStore.getAll().then((all) => all.length)')).toBe(
      httpOnly ? 0 : 1,
    )
  })

  it('a script can neither change nor delete an httpOnly one', async () => {
    const at = await serve('https', setting(new SessionManager()))
    const page = await newPage()
    await page.goto(at(host))
    const before = await page.context().cookies()
    await page.evaluate("document.cookie = 'session=planted; path=/'")
    await page.evaluate("document.cookie = 'session=; path=/; max-age=0'")
    expect(before).toHaveLength(1)
    expect(await page.context().cookies()).toEqual(before)
  })
})

/** What Chromium tells beside what a Set-Cookie line says. */
const derived = ['value', 'expires', 'size', 'sourceScheme', 'sourcePort']

/** The cookies after one visit, and between which times, in seconds, one that lasts as long as its session ends. */
async function visit(manager: SessionManager) {
  const at = await serve('https', setting(manager))
  const page = await newPage()
  const lifetime = manager.lifetime / 1000
  const earliest = Date.now() / 1000 + lifetime
  await page.goto(at(host, '/app/page'))
  // Whole seconds, rounded up, after the request has come back.
  const latest = Date.now() / 1000 + lifetime + 1
  return { found: await cookiesOf(page), earliest, latest }
}

async function cookiesOf(page: Page) {
  const devtools = await page.context().newCDPSession(page)
  return (await devtools.send('Network.getCookies')).cookies
}

function setting(manager: SessionManager) {
  return manager.loadAndSave((req, res) => {
    manager.put(contextOf(req), 'visited', true)
    sendPage(res)
  })
}
