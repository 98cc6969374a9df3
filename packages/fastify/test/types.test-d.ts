import { type Context, contextOf, SessionManager } from '@scs/core'
import createApp, { type FastifyPluginCallback } from 'fastify'
import { expectTypeOf, test } from 'vitest'
import { type LoadAndSaveOptions, loadAndSave } from '../src/index.ts'

const typed = new SessionManager<{ userID: number }>()

test('it is a plugin, registered with a manager of whatever values', () => {
  expectTypeOf(loadAndSave).toExtend<FastifyPluginCallback<LoadAndSaveOptions>>()
  const app = createApp()
  app.register(loadAndSave, { sessionManager: new SessionManager() })
  app.register(loadAndSave, { sessionManager: typed })
  // @ts-expect-error the manager is missing
  app.register(loadAndSave, {})
  // @ts-expect-error a store is no manager
  app.register(loadAndSave, { sessionManager: typed.store })
})

test('over HTTP/2, and with TLS', () => {
  createApp({ http2: true }).register(loadAndSave, { sessionManager: typed })
  createApp({ https: {} }).register(loadAndSave, { sessionManager: typed })
})

test('contextOf takes its request', () => {
  createApp().get('/', (request) => {
    expectTypeOf(contextOf(request)).toEqualTypeOf<Context>()
    expectTypeOf(typed.get(contextOf(request), 'userID')).toEqualTypeOf<number | undefined>()
  })
})
