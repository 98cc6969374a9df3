import { background, bindContext, contextOf, isEnded, type SessionManager } from '@scs/core'
import type { FastifyInstance, FastifyPluginCallback, FastifyReply } from 'fastify'
import fastifyPlugin from 'fastify-plugin'

/** Options of the plugin {@link loadAndSave}. */
export interface LoadAndSaveOptions {
  /** Whose sessions are loaded and committed. */
  // biome-ignore lint/suspicious/noExplicitAny: a manager of whatever values
  readonly sessionManager: SessionManager<any>
}

/**
 * Plugin that loads the session of each request, before all hooks but those that were added earlier, and commits it
 * before the first byte of the response leaves, as `sessionManager.loadAndSave` does for `node:http`. `contextOf(request)`
 * is then the context that carries the session. It serves the instance it is registered on, with all its plugins; several
 * managers are several registrations.
 *
 * An error in loading or committing is answered by the manager's `errorFunc`. Those of routes and hooks are Fastify's to
 * answer: its answer commits. Registering rejects with a TypeError when there is no `sessionManager`.
 */
export const loadAndSave: FastifyPluginCallback<LoadAndSaveOptions> = fastifyPlugin(addHook, {
  name: '@scs/fastify',
  fastify: '5.x',
})

function addHook(
  app: FastifyInstance,
  { sessionManager }: LoadAndSaveOptions,
  registered: (error?: Error) => void,
): void {
  if (typeof sessionManager?.loadAndSave !== 'function') {
    registered(new TypeError('loadAndSave needs the option sessionManager, a SessionManager'))
    return
  }
  app.addHook('onRequest', (request, reply, done) => {
    const { raw } = request
    const ctx = contextOf(request)
    // What other plugins have bound to the request is what the session is added to.
    if (ctx !== background()) bindContext(raw, ctx)
    const serve = sessionManager.loadAndSave(() => {
      bindContext(request, contextOf(raw))
      done()
    })
    tellSent(reply)
    serve(raw, reply.raw)
  })
  registered()
}

// Fastify asks `reply.raw.writableEnded` whether a reply was sent, which is false while the response is held for a commit: a
// second reply would then fail half-way.
function tellSent(reply: FastifyReply): void {
  if (Object.hasOwn(reply, 'sent')) return
  const fastifys = Object.getPrototypeOf(reply) as object
  Object.defineProperty(reply, 'sent', {
    configurable: true,
    get: () => Reflect.get(fastifys, 'sent', reply) === true || isEnded(reply.raw),
  })
}
