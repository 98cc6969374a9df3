import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BrowserContext, chromium } from 'playwright-core'

const switches = [
  '--disable-gpu',
  // Sites of any name are on this machine.
  '--host-resolver-rules=MAP *.test 127.0.0.1',
  ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
]

// Frames, and what else is in a page of another site, have their cookies.
const preferences = { profile: { cookie_controls_mode: 0 } }

/** One person's browser, with all that it keeps on disk. */
export class Profile {
  readonly folder = mkdtempSync(join(tmpdir(), 'scs-browser-'))
  readonly #program: string
  #window: BrowserContext | undefined

  /** `program` is Chromium. */
  constructor(program: string) {
    this.#program = program
    mkdirSync(join(this.folder, 'Default'))
    writeFileSync(join(this.folder, 'Default', 'Preferences'), JSON.stringify(preferences))
  }

  /** Starts the browser. */
  async open(...moreSwitches: readonly string[]): Promise<BrowserContext> {
    this.#window = await chromium.launchPersistentContext(this.folder, {
      executablePath: this.#program,
      args: [...switches, ...moreSwitches],
      // Playwright turns off what "back" shows pages from; people's browsers have it.
      ignoreDefaultArgs: ['--disable-back-forward-cache'],
    })
    return this.#window
  }

  /** Closes the browser, and forgets all that it has kept. */
  async remove(): Promise<void> {
    await this.#window?.close()
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 3 })
  }
}
