import { SessionManager } from '@scs/core'
import { expectTypeOf, test } from 'vitest'
import { loadAndSaveFetch } from '../src/index.ts'

const typed = new SessionManager<{ userID: number }>()

test('it has the parameters of its handler', () => {
  expectTypeOf(loadAndSaveFetch(typed, () => new Response())).toEqualTypeOf<
    (request: Request) => Promise<Response>
  >()
  interface Env {
    readonly NAME: string
  }
  expectTypeOf(
    loadAndSaveFetch(typed, async (_request: Request, _env: Env) => new Response()),
  ).toEqualTypeOf<(request: Request, env: Env) => Promise<Response>>()
  // @ts-expect-error a handler answers
  loadAndSaveFetch(typed, () => {})
})

test('it takes requests that know more', () => {
  interface WithParams extends Request {
    readonly params: Record<string, string>
  }
  const serve = loadAndSaveFetch(typed, ({ params }: WithParams) => new Response(params.id), {
    errorResponse: ({ params }) => new Response(params.id),
  })
  expectTypeOf(serve).toEqualTypeOf<(request: WithParams) => Promise<Response>>()
})
