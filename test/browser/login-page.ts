import { tmpdir } from 'node:os'
import type { Page } from 'playwright-core'
import { afterAll } from 'vitest'
import { type RunningExample, startExample } from '../../examples/test-support/start-example.ts'
import type { At } from './serve.ts'

// The tests of a file share one server: their sessions are of different browsers, or users.
let shared: Promise<RunningExample> | undefined
let stop: (() => void) | undefined
afterAll(() => stop?.())

/** Serves the login example, under every name of the loopback interface. */
export async function serveLogin(): Promise<At> {
  shared ??= startExample('login', tmpdir(), {}, (end) => {
    stop = end
  })
  const { url } = await shared
  return (host, path = '/') => url.replace('localhost', host) + path
}

const passwords = { ada: 'analytical engine', grace: 'nanosecond' }

interface Answers {
  readonly name?: keyof typeof passwords
  /** The right one, unless said otherwise. */
  readonly password?: string
  readonly remember?: boolean
}

/** Types name and password at `address`; fulfilled when the answer is there. */
export async function signIn(
  page: Page,
  address: string,
  { name = 'ada', password = passwords[name], remember = false }: Answers = {},
): Promise<void> {
  await page.goto(address)
  await page.getByLabel('Name').fill(name)
  await page.getByLabel('Password').fill(password)
  if (remember) await page.getByLabel('Remember me').check()
  await page.getByRole('button', { name: 'Sign in' }).click()
  // Both pages that may come have a message.
  await page.locator('.flash').waitFor()
}

/** The heading, which says where one is. */
export function heading(page: Page): Promise<string | null> {
  return page.getByRole('heading', { level: 1 }).textContent()
}
