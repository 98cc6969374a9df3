/** An argument of a command. */
export type Argument = string | Buffer

/** What the store asks of a client, whichever it is. Strings in answers are Buffers. */
export interface RedisCommands {
  /** Whether keys are spread over several servers, each with some of the slots. */
  readonly isCluster: boolean
  /**
   * How many connections have been lost by a client that then sends again what it has no answer to,
   * and so may have it done twice. 0 for ever of a client that does not.
   */
  losses(): number
  /** Sends a command about `key` to the server that has it, never to a replica. */
  send(key: string, args: Argument[], signal?: AbortSignal): PromiseLike<unknown>
  /** The servers that hold keys between them; each runs the commands that it is given. */
  servers(): Promise<readonly Server[]>
}

/** One server of several, or the only one. */
export type Server = (args: Argument[]) => Promise<unknown>
