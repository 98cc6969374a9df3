import { type Context, contextOf, SessionManager } from '@scs/core'
import App, { type Middleware, type ParameterizedContext } from 'koa'
import { expectTypeOf, test } from 'vitest'
import { loadAndSave } from '../src/index.ts'

const typed = new SessionManager<{ userID: number }>()

test("it is Koa's middleware, for a manager of whatever values", () => {
  expectTypeOf(loadAndSave(new SessionManager())).toEqualTypeOf<Middleware>()
  expectTypeOf(loadAndSave(typed)).toEqualTypeOf<Middleware>()
  // @ts-expect-error a store is no manager
  loadAndSave(typed.store)
})

test('it goes into applications with a state and a context of their own', () => {
  new App<{ user: string }, { db: Map<string, string> }>().use(loadAndSave(typed))
})

test("contextOf takes Koa's context", () => {
  expectTypeOf(contextOf).toBeCallableWith({} as ParameterizedContext)
  new App().use((ctx) => {
    expectTypeOf(contextOf(ctx)).toEqualTypeOf<Context>()
    expectTypeOf(typed.get(contextOf(ctx), 'userID')).toEqualTypeOf<number | undefined>()
  })
})
