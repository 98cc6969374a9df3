import { format, inspect } from 'node:util'
import { expect } from 'vitest'

export const token = 'T0KEN-that-nobody-may-see-in-any-log-4711xyz'.slice(0, 43)
export const otherToken = 'another-T0KEN-that-nobody-may-see-0815'
export const secret = 'S3CRET-payload-of-a-session'

// Of the tokens and of the data: a part of each, in the forms that databases and drivers print.
const traces = ['T0KEN', 'that-nobody', '4711x', 'see-0815', 'S3CRET', 'payload-of'].flatMap(
  (trace) => {
    const bytes = Buffer.from(trace)
    return [trace, bytes.toString('hex'), bytes.toString('base64').slice(0, 8)]
  },
)

/** Fails when anything of an error, shown in whatever way, has a part of the tokens or of the data. */
export function expectNoSecret(error: Error): void {
  const shown = [
    error.message,
    error.stack,
    String(error),
    format('%s %o', error, error),
    inspect(error, { depth: 10, showHidden: true }),
    JSON.stringify(error, Object.getOwnPropertyNames(error)),
    // Bytes one by one, as JSON has them.
    JSON.stringify(Object.entries(Object.getOwnPropertyDescriptors(error))),
  ].join('\n')
  for (const trace of traces) expect(shown.toLowerCase()).not.toContain(trace.toLowerCase())
  expect(shown).not.toContain([...Buffer.from('S3CRET')].join(','))
  expect(error.cause).toBeUndefined()
}

/** What a call fails with; it has to fail. */
export async function failureOf(call: () => unknown): Promise<Error> {
  let result: unknown
  try {
    result = await call()
  } catch (error) {
    if (error instanceof Error) return error
    throw error
  }
  throw new Error(`${call} did not fail, and gave ${inspect(result)}`)
}
