// It comes without types.
declare module 'better-sqlite3-session-store' {
  import type { Database } from 'better-sqlite3'
  import type { Store } from 'express-session'

  function open(session: { Store: typeof Store }): new (options: { client: Database }) => Store
  export = open
}
