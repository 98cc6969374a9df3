/**
 * What the store throws when Redis fails or cannot be reached: Redis quotes the arguments of
 * commands that it does not know, and ioredis keeps those of every command that failed, and so
 * tokens and session data. `code` is kept, of Redis's own errors their first word (`OOM`,
 * `CLUSTERDOWN`, …); there is no `cause`.
 */
export function redisError(operation: string, thrown: unknown): Error {
  const code = replyCode(thrown) ?? codeOf(thrown)
  const error = new Error(`RedisStore could not ${operation}: ${reason(thrown)}`)
  if (code !== undefined) Object.defineProperty(error, 'code', { value: code, enumerable: true })
  return error
}

/**
 * The first word of an error that Redis itself answered with; `undefined` for the client's own
 * errors.
 */
export function replyCode(thrown: unknown): string | undefined {
  return /^[A-Z]{3,}(?= )/.exec(messageOf(thrown))?.[0]
}

// Those of access, memory, replication, clusters and scripts, in which Redis speaks of itself.
const harmless: ReadonlySet<string> = new Set([
  ...['ASK', 'BUSY', 'CLUSTERDOWN', 'CROSSSLOT', 'LOADING', 'MASTERDOWN', 'MISCONF', 'MOVED'],
  ...['NOAUTH', 'NOPERM', 'NOREPLICAS', 'NOSCRIPT', 'OOM', 'READONLY', 'TRYAGAIN', 'WRONGPASS'],
  ...['WRONGTYPE'],
])

function reason(thrown: unknown): string {
  const message = messageOf(thrown)
  const code = replyCode(thrown)
  if (code === undefined || harmless.has(code)) return message
  if (/unknown (?:redis )?command|syntax error/i.test(message)) {
    return 'the server lacks a command, or an option of one: Redis 7 or later, or Valkey, with SET, GET, DEL, PEXPIREAT, PEXPIRETIME, SCAN, INFO, EVAL and EVALSHA'
  }
  return `Redis answered with ${code}; its message is left out, as it may hold session data`
}

function messageOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown)
  // Node tries each address of a host, and fails with an AggregateError that says nothing itself.
  const first = thrown instanceof AggregateError ? messageOf(thrown.errors[0]) : undefined
  return thrown.message || first || String(codeOf(thrown) ?? thrown.name)
}

function codeOf(thrown: unknown): string | undefined {
  const { code } = (thrown ?? {}) as { code?: unknown }
  return typeof code === 'string' ? code : undefined
}
