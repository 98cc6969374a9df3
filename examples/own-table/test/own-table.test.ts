import { createHash } from 'node:crypto'
import Database from 'better-sqlite3'
import { expect, it } from 'vitest'
import { Browser } from '../../test-support/browser.ts'
import { startExample, temporaryFolder } from '../../test-support/start-example.ts'

it('signs a user out everywhere, and nobody else', async () => {
  const { url } = await startExample('own-table', temporaryFolder())
  const [phone, laptop, other] = [new Browser(url), new Browser(url), new Browser(url)]
  await phone.post('/sign-in?user=ada')
  await laptop.post('/sign-in?user=ada')
  await other.post('/sign-in?user=charles')
  expect(await phone.get('/devices')).toBe('2\n')
  expect(await other.get('/devices')).toBe('1\n')

  await laptop.post('/sign-out-everywhere')
  expect(laptop.cookie('session')).toBeUndefined()
  expect(await phone.get('/')).toBe('Hello stranger\n')
  expect(await laptop.get('/')).toBe('Hello stranger\n')
  expect(await other.get('/')).toBe('Hello charles\n')
})

it('keeps the user in the row of the session', async () => {
  const folder = temporaryFolder()
  const { url } = await startExample('own-table', folder)
  const browser = new Browser(url)
  await browser.post('/sign-in?user=ada')

  const database = new Database(`${folder}/app.db`, { readonly: true })
  const rows = database.prepare('select token, user_id from user_sessions').all()
  database.close()
  const hashed = createHash('sha256')
    .update(browser.cookie('session') ?? '')
    .digest('base64url')
  expect(rows).toEqual([{ token: hashed, user_id: 'ada' }])
})
