import type { HttpBindings } from '@hono/node-server'
import { type Context, contextOf, SessionManager } from '@scs/core'
import { Hono, type MiddlewareHandler } from 'hono'
import { expectTypeOf, test } from 'vitest'
import { loadAndSave } from '../src/index.ts'

const typed = new SessionManager<{ userID: number }>()

test("it is Hono's middleware, for a manager of whatever values", () => {
  expectTypeOf(loadAndSave(new SessionManager())).toEqualTypeOf<MiddlewareHandler>()
  expectTypeOf(loadAndSave(typed)).toEqualTypeOf<MiddlewareHandler>()
  // @ts-expect-error a store is no manager
  loadAndSave(typed.store)
  loadAndSave(typed, { errorResponse: (c, error) => c.text(String(error), 503) })
  loadAndSave(typed, { errorResponse: undefined })
})

test('it goes into applications with bindings and variables of their own', () => {
  new Hono<{ Bindings: HttpBindings; Variables: { user: string } }>().use(loadAndSave(typed))
})

test("contextOf takes Hono's context", () => {
  new Hono().get('/', (c) => {
    expectTypeOf(contextOf(c)).toEqualTypeOf<Context>()
    expectTypeOf(typed.get(contextOf(c), 'userID')).toEqualTypeOf<number | undefined>()
    return c.text('')
  })
})
