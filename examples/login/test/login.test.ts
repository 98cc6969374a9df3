import { expect, it } from 'vitest'
import { Browser } from '../../test-support/browser.ts'
import { startExample, temporaryFolder } from '../../test-support/start-example.ts'

const ada = { name: 'ada', password: 'analytical engine' }

async function start() {
  const { url } = await startExample('login', temporaryFolder())
  return { url, browser: new Browser(url) }
}

it('greets who signs in, once', async () => {
  const { browser } = await start()
  expect(await browser.get('/')).toContain('Sign in')

  const page = await browser.post('/login', ada)
  expect(page).toContain('Welcome, ada!')
  expect(page).toContain('Signed in as ada.')

  const again = await browser.get('/')
  expect(again).not.toContain('Welcome')
  expect(again).toContain('Signed in as ada.')
})

it('lets nobody in with a wrong name or password, and says no more than that', async () => {
  const { browser } = await start()

  for (const wrong of [
    { ...ada, password: 'difference engine' },
    { ...ada, name: 'charles' },
    { name: '', password: '' },
  ]) {
    const page = await browser.post('/login', wrong)
    expect(page).toContain('Wrong name or password.')
    expect(page).toContain('<form')
  }
  expect(await browser.get('/login')).not.toContain('Wrong name')
  expect(await browser.get('/')).not.toContain('Signed in')
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
  expect(await browser.get('/')).toContain('Signed in as ada.')
  expect(await attacker.get('/')).not.toContain('Signed in')
})

it('remembers, after the browser was closed, those who asked for it', async () => {
  const { url } = await start()
  const forgotten = new Browser(url)
  const remembered = new Browser(url)
  await forgotten.post('/login', ada)
  await remembered.post('/login', { ...ada, remember: 'on' })

  forgotten.reopen()
  remembered.reopen()
  expect(await forgotten.get('/')).not.toContain('Signed in')
  expect(await remembered.get('/')).toContain('Signed in as ada.')
})

it('signs out, also for who has kept the cookie', async () => {
  const { url, browser } = await start()
  await browser.post('/login', ada)
  const thief = new Browser(url)
  thief.plant('session', browser.cookie('session') ?? '')
  expect(await thief.get('/')).toContain('Signed in as ada.')

  const page = await browser.post('/logout')
  expect(page).toContain('Signed out.')
  expect(page).not.toContain('Signed in')
  expect(await thief.get('/')).not.toContain('Signed in')
})

it('answers a form that is too long with an error, and goes on', async () => {
  const { browser } = await start()
  const response = await browser.request(
    'POST',
    '/login',
    new URLSearchParams({ name: 'a'.repeat(1_000_000) }),
  )
  expect(response.status).toBe(500)
  expect(await browser.post('/login', ada)).toContain('Signed in as ada.')
})
