/** The statements that our store sends, prepared where the driver can, and sent by the driver alone. */
export interface Statements extends AsyncDisposable {
  find(token: string, now: Date): Uint8Array | undefined | Promise<Uint8Array | undefined>
  /** The upsert: of a session that begins, and of stores that do not compare. */
  commit(token: string, data: Uint8Array, expiry: Date): unknown
  /** The compare-and-swap of every other write, and of a login; `false` where another session, or none, is there. */
  replace(token: string, expected: Uint8Array, next: Row, now: Date): boolean | Promise<boolean>
}

/** A session as it is to be. */
export interface Row {
  readonly token: string
  readonly data: Uint8Array
  readonly expiry: Date
}
