import { SessionManager } from '@scs/core'

/** One manager for the pages and for the sockets. */
export const sessions = new SessionManager<{ userName: string }>()
