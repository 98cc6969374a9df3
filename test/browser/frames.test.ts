import { contextOf, SessionManager } from '@scs/core'
import type { Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { newPage, noChromium } from './chromium.ts'
import { type At, sendPage, serve } from './serve.ts'

const widget = 'widget.test'

describe.skipIf(noChromium)('the session of a frame in pages of other sites', () => {
  it('that is partitioned is another one on each site, and another still on its own', async () => {
    const visits = await serveWidget(true)
    const page = await newPage()
    expect(await visits.in(page, 'one.test')).toBe('1')
    expect(await visits.in(page, 'one.test')).toBe('2')
    expect(await visits.in(page, 'two.test')).toBe('1')
    expect(await visits.alone(page)).toBe('1')
    expect(await visits.in(page, 'one.test')).toBe('3')
    expect(await partitions(page)).toEqual([
      'https://one.test',
      'https://two.test',
      'https://widget.test',
    ])
  })

  it('that is not partitioned is one everywhere', async () => {
    const visits = await serveWidget(false)
    const page = await newPage()
    expect(await visits.in(page, 'one.test')).toBe('1')
    expect(await visits.in(page, 'two.test')).toBe('2')
    expect(await visits.alone(page)).toBe('3')
    expect(await partitions(page)).toEqual([undefined])
  })

  it('is kept in a browser that blocks cookies of third parties only if it is partitioned', async () => {
    const partitioned = await serveWidget(true)
    const page = await newPage()
    const devtools = await page.context().newCDPSession(page)
    await devtools.send('Network.enable')
    await devtools.send('Network.setCookieControls', {
      enableThirdPartyCookieRestriction: true,
    })
    expect(await partitioned.in(page, 'one.test')).toBe('1')
    expect(await partitioned.in(page, 'one.test')).toBe('2')

    const other = await serveWidget(false)
    expect(await other.in(page, 'one.test')).toBe('1')
    expect(await other.in(page, 'one.test')).toBe('1')
  })
})

/** A widget that counts the visits of its session. */
async function serveWidget(partitioned: boolean) {
  const manager = new SessionManager<{ visits: number }>({
    cookie: { name: `partitioned-${partitioned}`, secure: true, sameSite: 'none', partitioned },
  })
  const at: At = await serve(
    'https',
    manager.loadAndSave((req, res) => {
      if (req.url === '/page') return sendPage(res, `<iframe src="${at(widget)}"></iframe>`)
      const visits = manager.update(contextOf(req), 'visits', (before = 0) => before + 1)
      sendPage(res, `<output>${visits}</output>`)
    }),
  )
  return {
    async in(page: Page, host: string): Promise<string | null> {
      await page.goto(at(host, '/page'))
      return page.frameLocator('iframe').locator('output').textContent()
    },
    async alone(page: Page): Promise<string | null> {
      await page.goto(at(widget))
      return page.locator('output').textContent()
    },
  }
}

async function partitions(page: Page): Promise<(string | undefined)[]> {
  const cookies = await page.context().cookies()
  return cookies.map(({ partitionKey }) => partitionKey).sort()
}
