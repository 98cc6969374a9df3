import { contextOf, SessionManager, type SessionManagerOptions } from '@scs/core'
import type { Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { newPage, noChromium } from './chromium.ts'
import { sendPage, serve } from './serve.ts'

const bank = 'bank.test'
const stranger = 'stranger.test'

/** A manager for each setting, all of one server: what a request brings of each is one row of the table. */
const managers = {
  strict: manager('strict'),
  lax: manager('lax'),
  none: manager('none'),
  // Chromium takes it for Lax, but lets a form of another site send it in its first two minutes.
  omitted: manager(false),
}
type Arrivals = Record<keyof typeof managers, boolean>

const [all, nothing]: Arrivals[] = [true, false].map((each) => ({
  ...{ strict: each, lax: each, none: each, omitted: each },
})) as [Arrivals, Arrivals]

interface Way {
  readonly way: string
  readonly go: (page: Page, target: string) => Promise<unknown>
  /** From a page of another site. */
  readonly arrives: Arrivals
}

const ways: readonly Way[] = [
  {
    way: 'a link',
    go: (page, target) => follow(page, `<a href="${target}">Go</a>`),
    arrives: { ...all, strict: false },
  },
  {
    way: 'a link to a new tab',
    go: (page, target) => follow(page, `<a href="${target}" target="_blank">Go</a>`),
    arrives: { ...all, strict: false },
  },
  {
    way: 'a form by GET',
    go: (page, target) => follow(page, `<form action="${target}"><button>Go</button></form>`),
    arrives: { ...all, strict: false },
  },
  {
    way: 'a form by POST',
    go: (page, target) =>
      follow(page, `<form action="${target}" method="post"><button>Go</button></form>`),
    arrives: { ...nothing, none: true, omitted: true },
  },
  {
    way: 'a fetch',
    go: (page, target) =>
      page.evaluate(`fetch('${target}', { credentials: 'include', mode: 'no-cors' })`),
    arrives: { ...nothing, none: true },
  },
  {
    way: 'a fetch that posts',
    go: (page, target) =>
      page.evaluate(
        `fetch('${target}', { credentials: 'include', mode: 'no-cors', method: 'POST' })`,
      ),
    arrives: { ...nothing, none: true },
  },
  {
    way: 'an image',
    go: (page, target) => insert(page, `<img src="${target}">`),
    arrives: { ...nothing, none: true },
  },
  {
    way: 'a frame',
    go: (page, target) => insert(page, `<iframe src="${target}"></iframe>`),
    arrives: { ...nothing, none: true },
  },
]

describe.skipIf(noChromium)('who is signed in sends the cookie', () => {
  describe.each(ways)('with $way', ({ go, arrives }) => {
    it('of another site as SameSite says', async () => {
      expect(await arrivals(stranger, go)).toEqual(arrives)
    })

    it('of the same site always, also from another origin', async () => {
      expect(await arrivals(`www.${bank}`, go)).toEqual(all)
    })
  })

  it('with an address that is typed, always', async () => {
    expect(await arrivals(stranger, (page, target) => page.goto(target))).toEqual(all)
  })
})

/** Which sessions a request to the bank brings, that is made by `go` from a page of `host`. */
async function arrivals(host: string, go: Way['go']): Promise<Arrivals> {
  const { at, request } = await serveBank()
  const page = await newPage()
  await page.goto(at(bank, '/sign-in'))
  expect(await page.context().cookies()).toHaveLength(Object.keys(managers).length)

  await page.goto(at(host, '/page'))
  const [arrived] = await Promise.all([request, go(page, at(bank, '/target'))])
  return arrived
}

async function serveBank() {
  const arrived = Promise.withResolvers<Arrivals>()
  const { strict, lax, none, omitted } = managers
  const inside = omitted.loadAndSave((req, res) => {
    const ctx = contextOf(req)
    const each = Object.entries(managers)
    if (req.url === '/sign-in') for (const [, manager] of each) manager.put(ctx, 'userID', 1)
    if (req.url?.startsWith('/target')) {
      const seen = each.map(([name, manager]) => [name, manager.exists(ctx, 'userID')])
      arrived.resolve(Object.fromEntries(seen))
    }
    sendPage(res)
  })
  const at = await serve('https', strict.loadAndSave(lax.loadAndSave(none.loadAndSave(inside))))
  return { at, request: arrived.promise }
}

async function follow(page: Page, content: string): Promise<void> {
  await insert(page, content)
  await page.getByText('Go').click()
}

function insert(page: Page, content: string): Promise<unknown> {
  return page.evaluate(`document.body.innerHTML = ${JSON.stringify(content)}`)
}

function manager(sameSite: NonNullable<SessionManagerOptions['cookie']>['sameSite']) {
  return new SessionManager({ cookie: { name: `${sameSite}`, secure: true, sameSite } })
}
