import { type BrowserContext, chromium, type Page } from 'playwright-core'
import { afterAll, inject } from 'vitest'

const { program = '', address = '' } = inject('chromium') ?? {}

/** Whether there is no browser on this machine; the set-up has said so. */
export const noChromium = program === ''

export { program }

// All files share one browser, as starting it takes longer than most tests; each file has a window of its own, whose
// cookies and history no other window sees.
let opened: Promise<BrowserContext> | undefined
afterAll(async () => {
  await (await opened)?.close()
})

/** The one page of a window that has no cookies. The next test of the file that asks for it takes it over. */
export async function newPage(): Promise<Page> {
  opened ??= openWindow()
  const window = await opened
  await window.clearCookies()
  const [page, ...others] = window.pages()
  for (const other of others) await other.close()
  return page ?? window.newPage()
}

async function openWindow(): Promise<BrowserContext> {
  const browser = await chromium.connectOverCDP(address)
  const window = await browser.newContext({ ignoreHTTPSErrors: true })
  window.setDefaultTimeout(20_000)
  return window
}
