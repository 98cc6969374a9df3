import type { Page } from 'playwright-core'
import { describe, expect, it, vi } from 'vitest'
import { newPage, noChromium } from './chromium.ts'
import { heading, serveLogin, signIn } from './login-page.ts'
import { sendPage, serve } from './serve.ts'

const host = 'localhost'

describe.skipIf(noChromium)('the login example', () => {
  it('greets who signs in, once', async () => {
    const at = await serveLogin()
    const page = await newPage()
    await signIn(page, at(host))
    expect(page.url()).toBe(at(host))
    expect(await page.getByRole('status').textContent()).toBe('Welcome, ada!')
    const [cookie] = await page.context().cookies()
    expect(cookie).toMatchObject({ name: 'session', httpOnly: true, sameSite: 'Lax', expires: -1 })

    await page.reload()
    expect(await heading(page)).toBe('Your account')
    expect(await page.getByRole('status').count()).toBe(0)
  })

  it('says that the password is wrong, as an alert', async () => {
    const at = await serveLogin()
    const page = await newPage()
    await signIn(page, at(host), { password: 'x' })
    expect(await page.getByRole('alert').textContent()).toBe('Wrong name or password.')
    expect(await heading(page)).toBe('Sign in')
  })

  it('looks as it should under its own Content-Security-Policy, which lets no script run', async () => {
    const at = await serveLogin()
    const page = await (await newPage()).context().newPage()
    const complaints: string[] = []
    page.on('console', (message) => complaints.push(message.text()))
    await page.goto(at(host))
    const radius = 'getComputedStyle(document.querySelector("main")).borderRadius'
    expect(await page.evaluate(radius)).toBe('12px')
    expect(complaints).toEqual([])

    await page.evaluate(`{
      const script = document.createElement('script')
      script.textContent = 'document.title = "taken over"'
      document.head.append(script)
    }`)
    expect(await page.title()).toBe('Sign in')
    await vi.waitUntil(() => complaints.length > 0)
    expect(complaints).toEqual([expect.stringMatching(/script.*Content Security Policy/)])
  })

  it('leaves no cookie after signing out, and what it was is worth nothing', async () => {
    const at = await serveLogin()
    const page = await newPage()
    const browser = page.context()
    await signIn(page, at(host), { remember: true })
    const before = await browser.cookies()
    expect(before).toHaveLength(1)
    await signOut(page)
    expect(await browser.cookies()).toEqual([])

    await browser.addCookies(before)
    await page.goto(at(host))
    expect(await heading(page)).toBe('Sign in')
  })

  it('"back" after signing out shows the sign-in form', async () => {
    const at = await serveLogin()
    const page = await newPage()
    await signIn(page, at(host))
    await signOut(page)
    // Never fulfilled when the browser shows the page that it has kept, without asking for it.
    await page.goBack()
    expect(await heading(page)).toBe('Sign in')
    expect(await page.getByText('Signed in as').count()).toBe(0)
  })

  it('signing out in one tab signs out the other', async () => {
    const at = await serveLogin()
    const first = await newPage()
    await signIn(first, at(host))
    const second = await first.context().newPage()
    await second.goto(at(host))
    expect(await heading(second)).toBe('Your account')

    await signOut(first)
    await second.reload()
    expect(await heading(second)).toBe('Sign in')
  })

  it('lists the sessions without their tokens; one that is ended elsewhere is signed out at its next request', async () => {
    const at = await serveLogin()
    const page = await newPage()
    // Each host name has a cookie of its own: to the server these are three browsers.
    for (const browser of ['Firefox', 'Edg', 'OPR']) {
      await page.setExtraHTTPHeaders({ 'User-Agent': `${browser}/150.0` })
      await signIn(page, at(`${browser}.test`), { name: 'grace' })
    }
    const sessions = page.getByRole('listitem')
    const headingAt = async (host: string) => {
      await page.goto(at(host))
      return heading(page)
    }
    expect(await sessions.count()).toBe(3)
    for (const { value } of await page.context().cookies())
      expect(await page.content()).not.toContain(value)
    expect(await sessions.first().textContent()).toMatch(/Opera.*This session/s)
    await page.getByRole('button', { name: 'Sign out Firefox' }).click()
    await page.getByText('That session is signed out.').waitFor()
    expect(await sessions.count()).toBe(2)
    expect(await headingAt('Firefox.test')).toBe('Sign in')
    expect(await headingAt('Edg.test')).toBe('Your account')

    await page.getByRole('button', { name: 'Sign out everywhere else' }).click()
    await page.getByText('Signed out everywhere else.').waitFor()
    expect(await sessions.count()).toBe(1)
    expect(await headingAt('OPR.test')).toBe('Sign in')
    expect(await headingAt('Edg.test')).toBe('Your account')
  })

  it.each([
    // SameSite keeps the session from it.
    { from: 'stranger.test', path: '/logout' },
    // SameSite knows sites alone: the session comes with it.
    { from: 'other.app.test', path: '/logout' },
    // That needs no session: its sender wants the visitor to use the account of somebody else.
    { from: 'stranger.test', path: '/login' },
  ])('a form of $from does nothing at $path', async ({ from, path }) => {
    const at = await serveLogin()
    const form = `<form action="${at('app.test', path)}" method="post"><button>Go</button>
      <input name="name" value="grace"><input name="password" value="nanosecond"></form>`
    const elsewhere = await serve('http', (_req, res) => sendPage(res, form))
    const page = await newPage()
    await signIn(page, at('app.test'))

    await page.goto(elsewhere(from))
    await page.getByRole('button', { name: 'Go' }).click()
    await page.getByText('This form is not of this site').waitFor()
    await page.goto(at('app.test'))
    expect(await page.getByText('Signed in as').textContent()).toBe('Signed in as ada.')
  })
})

async function signOut(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Sign out', exact: true }).click()
  await page.getByText('Signed out.').waitFor()
}
