import { background, type ScannableStore, type SessionStore } from '@scs/core'
import { expect, it, onTestFinished, vi } from 'vitest'
import type { HoldingRelay } from './holding-relay.ts'
import { Browser, serveSite, signIns } from './signed-in-site.ts'

type ListedStore = SessionStore & ScannableStore

/** One set of sessions. */
export interface LateWorld {
  /** Over the relay. */
  readonly store: ListedStore
  readonly relay: HoldingRelay
  /** Over a connection that nothing disturbs. */
  readonly reliable: ListedStore
}

const afterTheReset = {
  'the client may connect again at once': false,
  'the client cannot connect before the commit has failed': true,
}

const longest = { timeout: 50_000, interval: 20 }

/** What a client does after a lost connection. */
export interface LateClient {
  /** It connects again by itself. */
  readonly reconnects: boolean
  /** It sends again by itself what was not answered. */
  readonly resends: boolean
}

/**
 * The first swap of a new session is held back on its way, its connection is reset, and the server
 * receives it later.
 */
export function testLateBytes(
  open: () => Promise<LateWorld>,
  { reconnects, resends }: LateClient,
): void {
  async function play(page: keyof typeof signIns, refuses: boolean) {
    const { store, relay, reliable } = await open()
    const site = await serveSite(store, refuses ? 1_000 : 10_000)
    const other = await serveSite(reliable, 10_000)
    const later = reconnects ? site : other
    onTestFinished(async () => {
      // Some clients cannot be closed before they are connected again.
      await vi.waitUntil(() => new Browser().visit(later, '/sign-in'), longest)
      await site.close()
      await other.close()
    })
    // Statements and scripts are known to the server: what is held is all that it needs.
    const earlier = new Browser()
    for (const each of ['/commit', '/', '/sign-out']) await earlier.visit(site, each)

    const browser = new Browser()
    relay.hold(refuses)
    const user = await browser.visit(site, page)
    relay.accept()
    const isRetried = resends || (page === '/commit' && reconnects)
    if (page !== '/sign-in-and-out') expect(user).toBe(isRetried && !refuses ? 'ada' : undefined)
    return {
      relay,
      browser,
      site: later,
      /** After a sign-in that failed, the user tries again. */
      async signedIn() {
        if (user) return
        await vi.waitUntil(() => browser.visit(later, '/sign-in'), longest)
      },
      async signedOut() {
        const leave = () => browser.visit(later, '/sign-out')
        await vi.waitUntil(async () => (await leave()) !== undefined, longest)
      },
      /** The tokens of the browser that a session is found under. */
      async found() {
        const live: string[] = []
        for (const token of browser.tokens) {
          if (await new Browser().visit(other, '/', token)) live.push(token)
        }
        return live
      },
      /** How many sessions there are that no browser knows. */
      async unknown() {
        let count = 0
        for await (const [token] of reliable.scan(background())) {
          if (!browser.tokens.has(token)) count++
        }
        return count
      },
    }
  }

  for (const [reset, refuses] of Object.entries(afterTheReset)) {
    for (const page of refuses ? (['/sign-in'] as const) : (['/sign-in', '/commit'] as const)) {
      const how = `${signIns[page]}; ${reset}`
      it(`a session is not found after its logout, even when its first swap reaches the server later (${how})`, async () => {
        const { signedIn, signedOut, relay, browser, found, unknown } = await play(page, refuses)
        await signedIn()
        expect(browser.tokens.size).toBe(1)
        expect(await found()).toHaveLength(1)
        await signedOut()
        await relay.release()
        expect(await unknown()).toBeGreaterThan(0)
        expect(await found()).toEqual([])
      })

      it(`a session is not found after its logout, even when its first swap reaches the server late, before the logout (${how})`, async () => {
        const { signedIn, signedOut, relay, found } = await play(page, refuses)
        await signedIn()
        await relay.release()
        await signedOut()
        expect(await found()).toEqual([])
      })

      it(`an acknowledged session is found under one token, even when its first swap reaches the server late (${how})`, async () => {
        const { signedIn, relay, browser, site, found, unknown } = await play(page, refuses)
        await signedIn()
        await relay.release()
        expect(await unknown()).toBeGreaterThan(0)
        expect(await found()).toEqual([...browser.tokens])
        expect(browser.tokens.size).toBe(1)
        expect(await browser.visit(site, '/')).toBe('ada')
      })
    }
  }

  it('no browser is given the token of a session that is destroyed in the request that made it', async () => {
    const { relay, browser, unknown } = await play('/sign-in-and-out', false)
    await relay.release()
    expect(await unknown()).toBeGreaterThan(0)
    expect(browser.tokens.size).toBe(0)
  })
}
