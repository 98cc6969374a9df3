import { describe, expect, it, onTestFinished } from 'vitest'
import { noChromium, program } from './chromium.ts'
import { heading, serveLogin, signIn } from './login-page.ts'
import { Profile } from './profile.ts'

describe.skipIf(noChromium)('the login example, after the browser was closed', () => {
  it('knows those who asked to be remembered, and nobody else', async () => {
    const at = await serveLogin()
    const profile = new Profile(program)
    onTestFinished(() => profile.remove())
    const before = await profile.open()
    const page = await before.newPage()
    await signIn(page, at('remembered.test'), { remember: true })
    await signIn(page, at('forgotten.test'))
    expect(await before.cookies()).toHaveLength(2)
    await before.close()

    const after = await profile.open()
    expect(await after.cookies()).toEqual([
      expect.objectContaining({
        domain: 'remembered.test',
        expires: expect.closeTo(inDays(30), -2),
      }),
    ])
    const again = await after.newPage()
    await again.goto(at('remembered.test'))
    expect(await heading(again)).toBe('Your account')
    await again.goto(at('forgotten.test'))
    expect(await heading(again)).toBe('Sign in')
  })
})

/** Seconds since 1970. */
function inDays(days: number): number {
  return Date.now() / 1000 + days * 24 * 60 * 60
}
