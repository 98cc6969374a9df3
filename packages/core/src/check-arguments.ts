import { kindOf } from './kind-of.ts'

/**
 * Throws a TypeError unless `handler` is a function: `loadAndSave` may have been given to a framework without a call.
 *
 * @param isMethod whether it was called on a manager
 */
export function checkHandler(handler: unknown, isMethod: boolean): void {
  if (typeof handler === 'function') {
    if (isMethod) return
    throw new TypeError(
      'loadAndSave is a method: call sessionManager.loadAndSave(…), not the function alone',
    )
  }
  throw new TypeError(
    `sessionManager.loadAndSave takes a handler, (req, res) => …, and was given ${kindOf(handler)}: call it with one; middleware of Express, Fastify, Koa and Hono is in @scs/express, @scs/fastify, @scs/koa and @scs/hono`,
  )
}

/** Throws a TypeError unless `value` is a function. */
export function checkFunction(method: string, value: unknown): void {
  if (typeof value === 'function') return
  throw new TypeError(`${method} takes a function, and was given ${kindOf(value)}`)
}

/** Throws a TypeError unless `ctx` is a context. */
export function checkContext(method: string, ctx: unknown): void {
  if (typeof (ctx as { value?: unknown } | undefined)?.value === 'function') return
  throw new TypeError(
    `${method} takes a context, contextOf(req) or background(), and was given ${kindOf(ctx)}`,
  )
}

/** Throws a TypeError unless `headers` can be those of a request. */
export function checkHeaders(method: string, headers: unknown): void {
  if (typeof headers === 'object' && headers !== null) return
  throw new TypeError(`${method} takes the headers of a request, and was given ${kindOf(headers)}`)
}

/** Throws a TypeError unless headers can be set on `to`. */
export function checkResponse(method: string, to: unknown): void {
  if (typeof to === 'object' && to !== null) {
    const { set, setHeader } = to as { set?: unknown; setHeader?: unknown }
    if (typeof set === 'function' || typeof setHeader === 'function') return
  }
  throw new TypeError(`${method} takes a response or a Headers, and was given ${kindOf(to)}`)
}
