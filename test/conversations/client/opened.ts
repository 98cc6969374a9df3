/** What a client sends. */
export interface Sent {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
}

/** Status and headers of a response. */
export interface Head {
  readonly status: number
  /** The reason phrase; '' over HTTP/2, which has none. */
  readonly statusMessage: string
  /** The values of a header, one entry a line; the name in lower case. */
  header(name: string): string[]
}

/** A whole response. */
export interface Answer extends Head {
  readonly body: string
  readonly bytes: Buffer
  /** The status codes of the 1xx that came before. */
  readonly informational: readonly number[]
  readonly trailers: Readonly<Record<string, unknown>>
}

/** Whether the response came whole, or its connection was cut. */
export function ending(answer: Promise<Answer>): Promise<'whole' | 'cut'> {
  return answer.then(
    () => 'whole',
    () => 'cut',
  )
}

/** A request on its way. */
export interface Opened {
  /** The status codes of the 1xx that have come so far. */
  readonly informational: readonly number[]
  /** Rejects when the connection is cut before it. */
  head(): Promise<Head>
  /** The next piece of the body; nothing after the last one. Rejects when the body is cut short. */
  read(): Promise<string | undefined>
  /** Rejects when the connection is cut before the response is complete. */
  answer(): Promise<Answer>
  /** The client goes away. */
  abort(): void
}
