import { contextOf, SessionManager } from '@scs/core'
import { describe, expect, it, vi } from 'vitest'
import { expectOwn, hasNginx, useFront } from './front.ts'
import { greet } from './site.ts'
import { type Page, Visitor } from './visitor.ts'

const ignoring = 'proxy_ignore_headers Set-Cookie Vary;'
const locations = {
  '/locked/': [ignoring, 'proxy_cache_lock on; proxy_cache_lock_timeout 3s;'],
  '/background/': [ignoring, 'proxy_cache_use_stale updating; proxy_cache_background_update on;'],
  '/plain/': [ignoring],
  '/revalidating/': [ignoring, 'proxy_cache_revalidate on;'],
}

// nginx counts in whole seconds.
const until = { timeout: 50_000, interval: 50 }

describe.skipIf(!hasNginx)('nginx, told to cache pages that set cookies', () => {
  const manager = new SessionManager()
  const front = useFront(locations)

  describe('visitors who come at once, of whom one is to fill the cache', () => {
    // The first to come is answered when all are there.
    async function visit(setsCookie: boolean): Promise<{ pages: Page[]; visitors: Visitor[] }> {
      const visitors = Array.from({ length: 12 }, (_, index) => new Visitor(`no. ${index}`))
      const allHaveCome = Promise.withResolvers<void>()
      const page = front.site.page(manager, async (req, res) => {
        await allHaveCome.promise
        if (setsCookie) manager.put(contextOf(req), 'a', 1)
        res.setHeader('Cache-Control', 'public, max-age=60')
        greet(req, res)
      })
      const pages = visitors.map((visitor) => visitor.get(front.url('/locked/', page)))
      await vi.waitUntil(async () => (await front.unanswered()) === visitors.length, until)
      await vi.waitUntil(() => front.site.requests(page) > 0, until)
      expect(front.site.requests(page)).toBe(1)
      allHaveCome.resolve()
      return { pages: await Promise.all(pages), visitors }
    }

    it('are given one page without our cookie', async () => {
      const { pages } = await visit(false)
      expect(new Set(pages.map(({ body }) => body)).size).toBe(1)
    })

    it('are given their own with it', async () => {
      const { pages, visitors } = await visit(true)
      expectOwn(pages, visitors)
      expect(pages.map(({ cookies }) => cookies.length)).toEqual(visitors.map(() => 1))
    })
  })

  /** A page that is cached for a second; once `setsCookie`, with our cookie. */
  function changingPage() {
    const state = { setsCookie: false, answers: 0 }
    const page = front.site.page(manager, (req, res) => {
      res.on('finish', () => state.answers++)
      res.setHeader('Cache-Control', 'public, max-age=1')
      if (state.setsCookie) manager.put(contextOf(req), 'a', 1)
      greet(req, res)
    })
    return { page, state }
  }

  async function visitUntil(cache: string, url: string): Promise<Page> {
    return await vi.waitUntil(async () => {
      const page = await new Visitor('Bob').get(url)
      return page.cache === cache && page
    }, until)
  }

  it('a page that is updated in the background keeps nobody’s cookie', async () => {
    const { page, state } = changingPage()
    const url = front.url('/background/', page)
    expect((await new Visitor('Ann').get(url)).cache).toBe('MISS')
    expect((await new Visitor('Bob').get(url)).cache).toBe('HIT')
    state.setsCookie = true
    const stale = await visitUntil('STALE', url)
    expect(stale).toMatchObject({ body: 'Hello Ann', cookies: [] })
    // That was the page for Bob, whom nginx had not made wait for it.
    await vi.waitUntil(() => state.answers === 2, until)
    for (const name of ['Eve', 'Joe', 'Sue']) {
      const later = await new Visitor(name).get(url)
      expect(later).toMatchObject({ body: 'Hello Ann', cookies: [] })
    }
  })

  it('a page that is found not modified keeps nobody’s cookie', async () => {
    let setsCookie = false
    const page = front.site.page(manager, (req, res) => {
      res.setHeader('Cache-Control', 'public, max-age=1')
      res.setHeader('ETag', '"1"')
      if (setsCookie) manager.put(contextOf(req), 'a', 1)
      if (req.headers['if-none-match'] === '"1"') res.writeHead(304).end()
      else greet(req, res)
    })
    const url = front.url('/revalidating/', page)
    expect((await new Visitor('Ann').get(url)).cache).toBe('MISS')
    expect((await visitUntil('REVALIDATED', url)).body).toBe('Hello Ann')
    setsCookie = true
    const pages = [await visitUntil('REVALIDATED', url)]
    for (const name of ['Eve', 'Joe', 'Sue']) pages.push(await new Visitor(name).get(url))
    expect(pages.flatMap(({ cookies }) => cookies)).toEqual([])
  })

  it('a page that has expired is made for each visitor once it sets cookies', async () => {
    const { page, state } = changingPage()
    const url = front.url('/plain/', page)
    expect((await new Visitor('Ann').get(url)).cache).toBe('MISS')
    state.setsCookie = true
    const pages = [await visitUntil('EXPIRED', url)]
    const later = ['Eve', 'Joe'].map((name) => new Visitor(name))
    for (const visitor of later) pages.push(await visitor.get(url))
    expectOwn(pages, [new Visitor('Bob'), ...later])
  })
})
