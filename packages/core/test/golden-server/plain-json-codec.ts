import type { Codec } from '../../src/index.ts'
import { timeText, toPlain, zeroTime } from './typed-values.ts'

const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/

/**
 * Plain JSON, as a program might write a codec of its own: what it puts in, it does not always get back (bytes become
 * text in base64, times text, bigints numbers).
 */
export class PlainJsonCodec implements Codec {
  encode(deadline: Date, values: ReadonlyMap<string, unknown>): Uint8Array {
    const plain: [string, unknown][] = []
    for (const [key, value] of values) {
      const converted = toPlain(value)
      if (JSON.stringify(converted) === undefined) {
        throw new TypeError(`the value of ${JSON.stringify(key)} has no counterpart in JSON`)
      }
      plain.push([key, converted])
    }
    return Buffer.from(
      JSON.stringify({ Deadline: timeText(deadline), Values: Object.fromEntries(plain) }),
    )
  }

  // As encoding/json: field names in any case, a field that is missing or null stays Go's zero value.
  decode(data: Uint8Array): { deadline: Date; values: Map<string, unknown> } {
    const parsed: unknown = JSON.parse(Buffer.from(data).toString())
    if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
      throw new TypeError('the data is no JSON object')
    }
    const field = (name: string) =>
      Object.entries(parsed).findLast(([key]) => key.toLowerCase() === name)?.[1] as unknown
    const time = field('deadline') ?? timeText(new Date(zeroTime))
    if (typeof time !== 'string' || !rfc3339.test(time)) {
      throw new TypeError('the deadline of the data is no time')
    }
    const deadline = new Date(time)
    const values = field('values') ?? {}
    if (typeof values !== 'object' || Array.isArray(values)) {
      throw new TypeError('the values of the data are no JSON object')
    }
    return { deadline, values: new Map(Object.entries(values)) }
  }
}
