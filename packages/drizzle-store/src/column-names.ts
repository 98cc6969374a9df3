/** The names of the three columns in the database. */
export interface ColumnNames {
  /** The name of the primary key, what a session is filed under. @default 'token' */
  readonly token?: string | undefined
  /** The name of the column with the encoded session. @default 'data' */
  readonly data?: string | undefined
  /** The name of the column with the end of the row's life. @default 'expiry' */
  readonly expiry?: string | undefined
}
