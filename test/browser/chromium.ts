import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type LaunchOptions,
  type Page,
} from 'playwright-core'
import { afterAll, inject } from 'vitest'

const program = inject('chromium') ?? ''

/** Whether there is no browser on this machine; the set-up has said so. */
export const noChromium = program === ''

const options: LaunchOptions & BrowserContextOptions = {
  executablePath: program,
  ignoreHTTPSErrors: true,
  args: [
    '--disable-gpu',
    // Sites of any name are on this machine.
    '--host-resolver-rules=MAP *.test 127.0.0.1',
    ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
  ],
  // Playwright turns off what "back" shows pages from; people's browsers have it.
  ignoreDefaultArgs: ['--disable-back-forward-cache'],
}

/** Milliseconds. */
const patience = 20_000

/** One person's browser, with all that it keeps on disk. */
export class Profile {
  readonly #folder = mkdtempSync(join(tmpdir(), 'scs-browser-'))
  #window: BrowserContext | undefined

  /** Whether frames, and what else is in a page of another site, have their cookies, is a setting of the person. */
  constructor(thirdPartyCookies: 'allowed' | 'blocked' = 'allowed') {
    const mode = thirdPartyCookies === 'blocked' ? 1 : 0
    const preferences = { profile: { cookie_controls_mode: mode } }
    mkdirSync(join(this.#folder, 'Default'))
    writeFileSync(join(this.#folder, 'Default', 'Preferences'), JSON.stringify(preferences))
  }

  /** Starts the browser. */
  async open(): Promise<BrowserContext> {
    this.#window = await chromium.launchPersistentContext(this.#folder, options)
    this.#window.setDefaultTimeout(patience)
    return this.#window
  }

  /** Closes the browser, and forgets all that it has kept. */
  async remove(): Promise<void> {
    await this.#window?.close()
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 3 })
  }
}

// Starting a browser takes longer than most tests: those of a file share one.
let shared: Promise<BrowserContext> | undefined

/** The one page of a browser that has no cookies. The next test that asks for it takes it over. */
export async function newPage(): Promise<Page> {
  shared ??= openShared()
  const browser = await shared
  await browser.clearCookies()
  const [page, ...others] = browser.pages()
  for (const other of others) await other.close()
  return page ?? browser.newPage()
}

async function openShared(): Promise<BrowserContext> {
  const profile = new Profile()
  removeShared = () => profile.remove()
  return profile.open()
}

let removeShared: (() => Promise<void>) | undefined
afterAll(() => removeShared?.())
