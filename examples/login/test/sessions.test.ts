import { background, minute } from '@scs/core'
import { expect, it } from 'vitest'
import { noteVisit, sessions, signIn } from '../src/sessions.ts'

it('notes a visit a minute after the one before, and no earlier', async () => {
  const ctx = await sessions.load(background(), undefined)
  await signIn(ctx, 'ada', '', false)
  const signedIn = sessions.getTime(ctx, 'lastSeen')
  noteVisit(ctx)
  expect(sessions.getTime(ctx, 'lastSeen')).toBe(signedIn)

  const earlier = new Date(Date.now() - minute)
  sessions.put(ctx, 'lastSeen', earlier)
  noteVisit(ctx)
  expect(sessions.getTime(ctx, 'lastSeen')?.getTime()).toBeGreaterThan(earlier.getTime())
})

it('keeps who asked for it for 30 days, others for half a day', async () => {
  const before = Date.now()
  for (const [remember, hours] of [
    [false, 12],
    [true, 30 * 24],
  ] as const) {
    const ctx = await sessions.load(background(), undefined)
    await signIn(ctx, 'ada', '', remember)
    const life = hours * 60 * minute
    const deadline = sessions.deadline(ctx).getTime()
    expect(deadline).toBeGreaterThanOrEqual(before + life)
    expect(deadline).toBeLessThanOrEqual(Date.now() + life)
  }
})
