import { expect, it } from 'vitest'
import { Browser } from '../../test-support/browser.ts'
import { startExample, temporaryFolder } from '../../test-support/start-example.ts'

it('each manager keeps a session of its own in one request', async () => {
  const { url } = await startExample('several-managers', temporaryFolder())
  const browser = new Browser(url)
  expect(await browser.get('/')).toBe('Hello stranger, the theme is light\n')

  await browser.post('/theme?name=dark')
  expect(browser.cookie('account')).toBeUndefined()
  await browser.post('/sign-in?name=ada')
  expect(await browser.get('/')).toBe('Hello ada, the theme is dark\n')
  expect(browser.cookie('account')).not.toBe(browser.cookie('visitor'))

  await browser.post('/sign-out')
  expect(browser.cookie('account')).toBeUndefined()
  expect(await browser.get('/')).toBe('Hello stranger, the theme is dark\n')
})

it('a token of one manager is nothing to the other', async () => {
  const { url } = await startExample('several-managers', temporaryFolder())
  const browser = new Browser(url)
  await browser.post('/theme?name=dark')

  browser.plant('account', browser.cookie('visitor') ?? '')
  expect(await browser.get('/')).toBe('Hello stranger, the theme is dark\n')
})
