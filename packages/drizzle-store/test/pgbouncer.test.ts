import { contextOf, SessionManager } from '@scs/core'
import { expect, it } from 'vitest'
import { Client } from '../../core/test/support/client.ts'
import { serve } from '../../core/test/support/servers.ts'
import { describeBehindPgBouncer } from './behind-pgbouncer.ts'

describeBehindPgBouncer((store) => {
  it('400 requests of 20 clients are all answered, and each is counted', async () => {
    const manager = new SessionManager({ store: store() })
    await using server = await serve(
      manager.loadAndSave((req, res) => {
        const ctx = contextOf(req)
        manager.update(ctx, 'visits', (visits) => Number(visits ?? 0) + 1)
        res.end(String(manager.get(ctx, 'visits')))
      }),
    )
    const clients = Array.from({ length: 20 }, () => new Client(server.url))
    const answers = await Promise.all(
      clients.map(async (client) => {
        const answers: string[] = []
        for (let n = 0; n < 20; n++) {
          const { status, body } = await client.get('/')
          answers.push(`${status} ${body}`)
        }
        return answers
      }),
    )
    const expected = Array.from({ length: 20 }, (_, n) => `200 ${n + 1}`)
    expect(answers).toEqual(Array(20).fill(expected))
  })
})
