import type { OutgoingHttpHeader, ServerResponse } from 'node:http'
import { type Context, contextOf, hour, SessionManager } from '@scs/core'
import { describe, expect, it } from 'vitest'
import { expectOwn, hasNginx, useFront } from './front.ts'
import { policies } from './policies.ts'
import { greet } from './site.ts'
import { type Page, Visitor } from './visitor.ts'

// What people write to have pages cached that set cookies: the first needs Vary, the second goes past it too.
const locations = {
  '/ignoring-set-cookie/': ['proxy_ignore_headers Set-Cookie;'],
  '/ignoring-set-cookie-and-vary/': ['proxy_ignore_headers Set-Cookie Vary;'],
  // What docs/caches.md says to write.
  '/as-documented/': [
    'proxy_ignore_headers Set-Cookie;',
    'proxy_cache_bypass $cookie_session;',
    'proxy_no_cache $cookie_session;',
  ],
  '/as-documented-for-host/': [
    'proxy_ignore_headers Set-Cookie;',
    'proxy_cache_bypass $has_session;',
    'proxy_no_cache $has_session;',
  ],
}
// … before the server, for a name that stands in no variable of nginx.
const http = ['map $http_cookie $has_session { default ""; "~(?:^|; *)__Host-session=." 1; }']

const manager = new SessionManager()
const hosted = new SessionManager({ cookie: { name: '__Host-session', secure: true } })
const idling = new SessionManager({ idleTimeout: hour, touchInterval: 0 })

/** All that makes a response carry the session cookie. */
const reasons: readonly {
  readonly name: string
  readonly of: SessionManager
  readonly isSignedIn: boolean
  readonly act: (ctx: Context) => unknown
}[] = [
  { name: 'a first visit', of: manager, isSignedIn: false, act: (ctx) => manager.put(ctx, 'a', 1) },
  { name: 'a write', of: manager, isSignedIn: true, act: (ctx) => manager.put(ctx, 'a', 1) },
  { name: 'a renewal', of: manager, isSignedIn: true, act: (ctx) => manager.renewToken(ctx) },
  { name: 'a logout', of: manager, isSignedIn: true, act: (ctx) => manager.destroy(ctx) },
  { name: 'a touch', of: idling, isSignedIn: true, act: () => {} },
]

/** The ways of giving a response its headers. */
const manners: Readonly<Record<string, (res: ServerResponse, value: string) => unknown>> = {
  setHeader: (res, value) => res.setHeader('cache-control', value),
  appendHeader: (res, value) => {
    for (const directive of value.split(',')) res.appendHeader('Cache-Control', directive)
  },
  setHeaders: (res, value) => res.setHeaders(new Map([['CACHE-CONTROL', value]])),
  'writeHead with an object': (res, value) => res.writeHead(200, { 'Cache-Control': value }),
  'writeHead with a message': (res, value) => res.writeHead(200, 'Yes', { 'cache-control': value }),
  'writeHead with an array': (res, value) =>
    res.writeHead(200, ['X-Name', 'value', 'Cache-Control', value]),
  'writeHead with pairs': (res, value) =>
    res.writeHead(200, [['Cache-Control', value]] as unknown as OutgoingHttpHeader[]),
  'writeHead over an earlier header': (res, value) => {
    res.setHeader('Cache-Control', 'private')
    res.writeHead(200, { 'Cache-Control': value })
  },
}

describe.skipIf(!hasNginx)('nginx, told to cache pages that set cookies', () => {
  const front = useFront(locations, http)

  async function signedIn(name: string, of: SessionManager): Promise<Visitor> {
    const page = front.site.page(of, (req, res) => {
      of.put(contextOf(req), 'name', name)
      res.end()
    })
    const visitor = new Visitor(name)
    await visitor.get(front.directUrl(page))
    return visitor
  }

  // Shared without our cookie, each visitor's own with it.
  async function expectOwnOnceItSetsCookies(
    location: keyof typeof locations,
    say: (res: ServerResponse) => unknown,
  ): Promise<void> {
    for (const setsCookie of [false, true]) {
      const page = front.site.page(manager, (req, res) => {
        if (setsCookie) manager.put(contextOf(req), 'a', 1)
        say(res)
        greet(req, res)
      })
      const visitors = [new Visitor('Ann'), new Visitor('Bob')]
      const pages: Page[] = []
      for (const visitor of visitors) pages.push(await visitor.get(front.url(location, page)))
      if (setsCookie) expectOwn(pages, visitors)
      else expect(pages.map(({ cache }) => cache)).toEqual(['MISS', 'HIT'])
    }
  }

  describe.each(['/ignoring-set-cookie/', '/ignoring-set-cookie-and-vary/'] as const)(
    'at %s',
    (location) => {
      describe.each(policies)('a page that says $name', ({ headers, cached }) => {
        it(`is ${cached ? '' : 'not '}cached without our cookie`, async () => {
          const page = front.site.page(manager, (req, res) => {
            for (const [name, value] of Object.entries(headers)) res.setHeader(name, value)
            greet(req, res)
          })
          const ann = await new Visitor('Ann').get(front.url(location, page))
          const bob = await new Visitor('Bob').get(front.url(location, page))
          expect([ann.cache, bob.cache]).toEqual(['MISS', cached ? 'HIT' : 'MISS'])
          expect(bob.body).toBe(cached ? 'Hello Ann' : 'Hello Bob')
        })

        // Where nginx heeds Vary, two cookies have two pages anyway.
        const heedsVary = location === '/ignoring-set-cookie/'
        const telling = reasons.filter(({ isSignedIn }) => !(heedsVary && isSignedIn))
        it.each(telling)('is made for each visitor at $name', async ({ of, isSignedIn, act }) => {
          const page = front.site.page(of, async (req, res) => {
            await act(contextOf(req))
            for (const [name, value] of Object.entries(headers)) res.setHeader(name, value)
            greet(req, res)
          })
          const visitors: Visitor[] = []
          const pages: Page[] = []
          for (const name of ['Ann', 'Bob', 'Eve']) {
            const visitor = isSignedIn ? await signedIn(name, of) : new Visitor(name)
            visitors.push(visitor)
            pages.push(await visitor.get(front.url(location, page)))
          }
          expectOwn(pages, visitors)
          expect(pages.map(({ cookies }) => cookies.length)).toEqual([1, 1, 1])
          expect(front.site.requests(page)).toBe(3)
        })
      })

      it.each(Object.entries(manners))('a page is its visitor’s own by %s', async (_name, say) => {
        await expectOwnOnceItSetsCookies(location, (res) => say(res, 'public, max-age=60'))
      })

      it.each([200, 206, 301, 302, 404, 500])(
        'a page of status %i is its visitor’s own',
        async (status) => {
          const headers = {
            'Cache-Control': 'public, max-age=60',
            ...(status === 206 ? { 'Content-Range': 'bytes 0-8/100' } : { Location: '/' }),
          }
          await expectOwnOnceItSetsCookies(location, (res) => res.writeHead(status, headers))
        },
      )

      it('a 304 is its visitor’s own', async () => {
        const answers = { shared: 0, own: 0 }
        for (const setsCookie of [false, true]) {
          const page = front.site.page(manager, (req, res) => {
            answers[setsCookie ? 'own' : 'shared']++
            if (setsCookie) manager.put(contextOf(req), 'a', 1)
            res.writeHead(304, { 'Cache-Control': 'public, max-age=60', ETag: '"1"' }).end()
          })
          const cookies: string[] = []
          for (const name of ['Ann', 'Bob']) {
            cookies.push(...(await new Visitor(name).get(front.url(location, page))).cookies)
          }
          expect(new Set(cookies.map((line) => line.split(';')[0])).size).toBe(setsCookie ? 2 : 0)
        }
        expect(answers).toEqual({ shared: 1, own: 2 })
      })

      it('HEAD and GET of a page are its visitor’s own', async () => {
        const page = front.site.page(manager, (req, res) => {
          manager.put(contextOf(req), 'a', 1)
          res.setHeader('Cache-Control', 'public, max-age=60')
          greet(req, res)
        })
        const url = front.url(location, page)
        const first = await new Visitor('Ann').get(url, 'HEAD')
        const second = await new Visitor('Bob').get(url)
        const third = await new Visitor('Eve').get(url, 'HEAD')
        expect(second.body).toBe('Hello Bob')
        const lines = [first, second, third].flatMap(({ cookies }) => cookies)
        expect(new Set(lines.map((line) => line.split(';')[0])).size).toBe(3)
      })
    },
  )

  it('a page that reads the session is cached for each cookie by itself, as Vary says', async () => {
    const page = front.site.page(manager, (req, res) => {
      res.setHeader('Cache-Control', 'public, max-age=60')
      res.end(`Hello ${manager.getString(contextOf(req), 'name')}`)
    })
    const url = front.url('/ignoring-set-cookie/', page)
    const ann = await signedIn('Ann', manager)
    const bob = await signedIn('Bob', manager)
    const answers: Page[] = []
    for (const visitor of [ann, bob, ann, bob]) answers.push(await visitor.get(url))
    expect(answers.map(({ cache, body }) => `${cache}: ${body}`)).toEqual([
      'MISS: Hello Ann',
      'MISS: Hello Bob',
      'HIT: Hello Ann',
      'HIT: Hello Bob',
    ])
  })
  it.each([
    { location: '/as-documented/', of: manager },
    { location: '/as-documented-for-host/', of: hosted },
  ] as const)(
    'who has a session is kept from the cache by the configuration in docs/caches.md: $location',
    async ({ location, of }) => {
      const page = front.site.page(of, (req, res) => {
        res.setHeader('Cache-Control', 'public, max-age=60')
        greet(req, res)
      })
      const cid = await signedIn('Cid', of)
      const answers: string[] = []
      const visitors = [cid, new Visitor('Ann'), new Visitor('Bob'), cid, new Visitor('Eve')]
      for (const visitor of visitors) {
        const { cache, body } = await visitor.get(front.url(location, page))
        answers.push(`${cache}: ${body}`)
      }
      expect(answers).toEqual([
        'BYPASS: Hello Cid',
        'MISS: Hello Ann',
        'HIT: Hello Ann',
        'BYPASS: Hello Cid',
        'HIT: Hello Ann',
      ])
    },
  )
})
