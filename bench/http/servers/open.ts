import type { Server } from 'node:http'
import type { ServerPlan } from '../contestants.ts'

/** Makes a server that does not listen yet; its five paths and `/fill` are those of `paths.ts`. */
export type Open = (plan: ServerPlan) => Promise<Server>
