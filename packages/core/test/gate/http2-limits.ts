import type { ServerResponse } from 'node:http'
import type { Step } from './program.ts'

/** An empty chunk that ends what is written at once makes HTTP/2 send memory that is no longer its own. */
export function withoutEmptyChunk(step: Step): Step {
  const isEmpty = (step.do === 'write' || step.do === 'end') && step.chunk?.size === 0
  return isEmpty ? { ...step, chunk: { as: 'utf8', size: 1 } } : step
}

/**
 * Whether a step after the end is a matter of timing: a write destroys the stream, with or without what was written
 * before, and `writeHead` throws only as long as the stream is open.
 */
export function isUntimely(step: Step): boolean {
  return ('chunk' in step && step.chunk !== undefined) || ['writeHead', 'bad'].includes(step.do)
}

/** Steps that wait. */
export const waits: ReadonlySet<Step['do']> = new Set(['microtask', 'turn', 'drained', 'written'])

/** Whether HTTP/2 takes no body for this response. */
export function hasNoBody(res: ServerResponse): boolean {
  return res.req.method === 'HEAD' || [204, 205, 304].includes(res.statusCode)
}

/** Where there can be no body, HTTP/2 takes none: its writers would wait for ever. */
export function withoutBody(step: Step): Step {
  if (step.do === 'write' || step.do === 'pipe, left open') return { do: 'flushHeaders' }
  if (step.do === 'pipe' || step.do === 'pipeline') return { do: 'end', callback: false }
  return step.do === 'end' ? { do: 'end', callback: step.callback } : step
}
