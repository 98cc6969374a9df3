import type { Codec } from '../../src/index.ts'
import { timeText, toPlain } from './typed-values.ts'

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

  decode(data: Uint8Array): { deadline: Date; values: Map<string, unknown> } {
    const parsed = JSON.parse(Buffer.from(data).toString()) as {
      Deadline?: string
      Values?: Record<string, unknown> | null
    }
    const deadline = new Date(parsed.Deadline ?? Number.NaN)
    if (Number.isNaN(deadline.getTime())) throw new TypeError('the data has no deadline')
    return { deadline, values: new Map(Object.entries(parsed.Values ?? {})) }
  }
}
