import { expect, it } from 'vitest'
import { Browser } from '../../test-support/browser.ts'
import { startExample, temporaryFolder } from '../../test-support/start-example.ts'

const ada = { name: 'ada', password: 'analytical engine' }
const signedIn = 'Signed in as <strong>ada</strong>.'

async function start() {
  const { url } = await startExample('login', temporaryFolder())
  return { url, browser: new Browser(url) }
}

it('greets who signs in, once', async () => {
  const { browser } = await start()
  expect(await browser.get('/')).toContain('Sign in')

  const page = await browser.post('/login', ada)
  expect(page).toContain('Welcome, ada!')
  expect(page).toContain(signedIn)

  const again = await browser.get('/')
  expect(again).not.toContain('Welcome')
  expect(again).toContain(signedIn)
})

it('lets nobody in with a wrong name or password, and says no more than that', async () => {
  const { browser } = await start()

  for (const wrong of [
    { ...ada, password: 'difference engine' },
    { ...ada, name: 'charles' },
    { name: '', password: '' },
  ]) {
    const page = await browser.post('/login', wrong)
    expect(page).toContain('<p class="flash" role="alert">Wrong name or password.</p>')
    expect(page).toContain('<form')
  }
  expect(await browser.get('/login')).not.toContain('Wrong name')
  expect(await browser.get('/')).not.toContain(signedIn)
})

it('gives a new token at the login: one that was planted before is worth nothing', async () => {
  const { url, browser } = await start()
  const attacker = new Browser(url)
  await attacker.post('/login', { name: 'x', password: 'x' })
  const planted = attacker.cookie('session') ?? ''
  expect(planted).toHaveLength(43)

  browser.plant('session', planted)
  await browser.post('/login', ada)
  expect(browser.cookie('session')).not.toBe(planted)
  expect(await browser.get('/')).toContain(signedIn)
  expect(await attacker.get('/')).not.toContain(signedIn)
})

it('remembers, after the browser was closed, those who asked for it', async () => {
  const { url } = await start()
  const forgotten = new Browser(url)
  const remembered = new Browser(url)
  await forgotten.post('/login', ada)
  await remembered.post('/login', { ...ada, remember: 'on' })

  forgotten.reopen()
  remembered.reopen()
  expect(await forgotten.get('/')).not.toContain(signedIn)
  expect(await remembered.get('/')).toContain(signedIn)
})

it('signs out, also for who has kept the cookie', async () => {
  const { url, browser } = await start()
  await browser.post('/login', ada)
  const thief = new Browser(url)
  thief.plant('session', browser.cookie('session') ?? '')
  expect(await thief.get('/')).toContain(signedIn)

  const page = await browser.post('/logout')
  expect(page).toContain('Signed out.')
  expect(page).not.toContain(signedIn)
  expect(browser.cookie('session')).toBeUndefined()
  expect(await thief.get('/')).not.toContain(signedIn)
})

const firefox = 'Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0'
const safari =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Mobile/15E148 Safari/604.1'
const edge =
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36 Edg/156.0.0.0'

it('lists the sessions of the user, the present one first, and ends one or all others', async () => {
  const { url } = await startExample('login', temporaryFolder())
  const [laptop, phone, office] = [firefox, safari, edge].map((name) => new Browser(url, name))
  if (!laptop || !phone || !office) throw new Error('three browsers')
  for (const browser of [laptop, phone, office]) await browser.post('/login', ada)

  const names = (page: string) =>
    [...page.matchAll(/<strong>(\w+ on \w+)</g)].map(([, name]) => name)
  const page = await phone.get('/')
  expect(names(page)).toEqual(['Safari on iPhone', 'Edge on Windows', 'Firefox on Linux'])
  expect(page.match(/aria-current="true"/g)).toHaveLength(1)
  for (const browser of [laptop, phone, office])
    expect(page).not.toContain(browser.cookie('session'))

  const [, id = ''] = /value="([^"]+)" aria-label="Sign out Edge on Windows"/.exec(page) ?? []
  expect(names(await phone.post('/sessions/sign-out', { id }))).toEqual([
    'Safari on iPhone',
    'Firefox on Linux',
  ])
  expect(await office.get('/')).not.toContain(signedIn)
  expect(await laptop.get('/')).toContain(signedIn)

  expect(names(await phone.post('/sessions/sign-out-others'))).toEqual(['Safari on iPhone'])
  expect(await laptop.get('/')).not.toContain(signedIn)
})

it('ends no session for a stranger, or for another user', async () => {
  const { url, browser } = await start()
  await browser.post('/login', ada)
  // The other sessions' buttons name the session that is to stay.
  const page = await new Browser(url).post('/login', ada)
  const [, id = ''] = /name="id" value="([^"]+)"/.exec(page) ?? []
  expect(id).not.toBe('')

  const [stranger, grace] = [new Browser(url), new Browser(url)]
  expect(await stranger.post('/sessions/sign-out-others')).toContain('<form')
  await grace.post('/login', { name: 'grace', password: 'nanosecond' })
  await grace.post('/sessions/sign-out', { id })
  expect(await grace.post('/sessions/sign-out-others')).toContain('<strong>grace</strong>')
  expect(await browser.get('/')).toContain(signedIn)
})

it('takes forms from its own pages alone', async () => {
  const { url, browser } = await start()
  const cases: [headers: Record<string, string>, status: number][] = [
    [{}, 303],
    [{ origin: url }, 303],
    [{ 'sec-fetch-site': 'same-origin' }, 303],
    [{ 'sec-fetch-site': 'same-site' }, 403],
    [{ 'sec-fetch-site': 'cross-site' }, 403],
    [{ origin: 'http://other.test' }, 403],
    [{ origin: 'null' }, 403],
  ]
  for (const [headers, status] of cases) {
    const response = await fetch(`${url}/login`, {
      method: 'POST',
      headers,
      body: new URLSearchParams(ada),
      redirect: 'manual',
    })
    expect({ headers, status: response.status }).toEqual({ headers, status })
  }
  expect((await browser.request('POST', '/nowhere')).status).toBe(404)
})

it('answers a form that is too long with an error, and goes on', async () => {
  const { browser } = await start()
  const response = await browser.request(
    'POST',
    '/login',
    new URLSearchParams({ name: 'a'.repeat(1_000_000) }),
  )
  expect(response.status).toBe(500)
  expect(await browser.post('/login', ada)).toContain(signedIn)
})
