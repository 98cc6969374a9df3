import {
  type AnySessionManager,
  background,
  bindContext,
  checkManager,
  checkOptions,
  contextOf,
  isEnded,
} from '@scs/core'
import type { FastifyInstance, FastifyPluginCallback, FastifyReply } from 'fastify'
import fastifyPlugin from 'fastify-plugin'

/** Options of the plugin {@link loadAndSave}. */
export interface LoadAndSaveOptions {
  /** Whose sessions are loaded and committed. */
  readonly sessionManager: AnySessionManager
}

const usage = 'app.register(loadAndSave, { sessionManager })'

// Fastify reads the others itself, and passes them on.
const optionNames = {
  sessionManager: true,
  prefix: true,
  logLevel: true,
  logSerializers: true,
} as const

/**
 * Plugin that loads the session of each request, before all hooks but those that were added
 * earlier, and commits it before the first byte of the response leaves, as
 * `sessionManager.loadAndSave` does for `node:http`. `contextOf(request)` is then the context that
 * carries the session. It serves the instance it is registered on, with all its plugins; several
 * managers are several registrations.
 *
 * An error in loading or committing is answered by the manager's `errorFunc`. Those of routes and
 * hooks are Fastify's to answer: its answer commits. Registering rejects with a TypeError when
 * there is no `sessionManager`, or an option that does not exist; so the plugin throws one when it
 * is called in place of being registered.
 */
export const loadAndSave: FastifyPluginCallback<LoadAndSaveOptions> = fastifyPlugin(addHook, {
  name: '@scs/fastify',
  fastify: '5.x',
})

function addHook(
  app: FastifyInstance,
  options: LoadAndSaveOptions,
  registered: (error?: Error) => void,
): void {
  if (typeof app?.addHook !== 'function' || typeof registered !== 'function') {
    throw new TypeError(`loadAndSave of @scs/fastify is a plugin of Fastify: write ${usage}`)
  }
  const { sessionManager } = options
  try {
    checkOptions('loadAndSave', options, optionNames)
    checkManager(sessionManager, usage)
  } catch (error) {
    // What a plugin throws, Fastify does not catch.
    registered(error as TypeError)
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

// Fastify asks `reply.raw.writableEnded` whether a reply was sent, which is false while the
// response is held for a commit: a second reply would then fail half-way.
function tellSent(reply: FastifyReply): void {
  if (Object.hasOwn(reply, 'sent')) return
  const fastifys = Object.getPrototypeOf(reply) as object
  Object.defineProperty(reply, 'sent', {
    configurable: true,
    get: () => Reflect.get(fastifys, 'sent', reply) === true || isEnded(reply.raw),
  })
}
