import type { Server } from 'node:http'
import type { ServerPlan } from '../contestants.ts'

/**
 * Makes a server that does not listen yet. Beside the five paths of `paths.ts` it has `/fill`, which fills a new session, and
 * `/visits`, which answers with what `/write` or `/login` put last.
 */
export type Open = (plan: ServerPlan) => Promise<Server>
