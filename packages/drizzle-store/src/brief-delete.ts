/** What better-sqlite3 has of a connection. */
interface Client {
  pragma(source: string, options: { simple: true }): unknown
  prepare(source: string): { pluck(): { get(): unknown } }
}

// Milliseconds that a statement waits for a lock; the store tries again in another turn of the
// event loop.
const lockWait = 5

/**
 * Runs DELETEs of the cleanup so that they do not stop the event loop for long, on a connection of
 * better-sqlite3; on another driver as they are.
 *
 * - A DELETE waits for another process's lock for 5 ms, not as long as the driver's `timeout`.
 * - It leaves SQLite's checkpoint, which is due when 1,000 pages have been written and may take
 *   tens of milliseconds, to the next commit of the application or of another process. When nobody
 *   else has written since the last DELETE, there is a checkpoint after each, of the few pages that
 *   it has written.
 */
export function briefly(db: unknown): <T>(run: () => T) => T {
  const client = (db as { $client?: Partial<Client> }).$client
  if (typeof client?.pragma !== 'function') return (run) => run()
  return onClient(client as Client)
}

function onClient(client: Client): <T>(run: () => T) => T {
  const get = (source: string) => client.pragma(source, { simple: true })
  const statement = client.prepare(
    "select data_version || '/' || total_changes() from pragma_data_version",
  )
  // Changes whenever this connection writes a row, or another one commits.
  const version = () => statement.pluck().get()
  let last: unknown
  return (run) => {
    const timeout = Number(get('busy_timeout'))
    const pages = Number(get('wal_autocheckpoint'))
    const isAlone = version() === last
    get(`busy_timeout = ${Math.min(timeout, lockWait)}`)
    get('wal_autocheckpoint = 0')
    try {
      return run()
    } finally {
      get(`wal_autocheckpoint = ${pages}`)
      // Where it is 0, the checkpoints are somebody else's.
      if (isAlone && pages > 0) checkpoint()
      get(`busy_timeout = ${timeout}`)
      last = version()
    }
  }

  // Within a transaction of the application there is none.
  function checkpoint(): void {
    try {
      get('wal_checkpoint(passive)')
    } catch {}
  }
}
