import { type Codec, JsonCodec } from '../../src/index.ts'

const mark = Buffer.from([0xff])

/** In gob's place: JsonCodec's bytes behind one that is no JSON, as neither of Go's two codecs reads the other's. */
export class GobStandIn implements Codec {
  readonly #codec = new JsonCodec()

  encode(deadline: Date, values: ReadonlyMap<string, unknown>): Uint8Array {
    return Buffer.concat([mark, this.#codec.encode(deadline, values)])
  }

  decode(data: Uint8Array): { deadline: Date; values: Map<string, unknown> } {
    if (data[0] !== mark[0]) throw new TypeError('the data has another codec')
    return this.#codec.decode(data.subarray(1))
  }
}
