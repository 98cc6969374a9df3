import { deserialize, serialize } from 'node:v8'
import { Encoder } from 'cbor-x'
import { decode as cbor2Decode, encode as cbor2Encode } from 'cbor2'
import { parse, stringify } from 'devalue'
import superjson from 'superjson'
import type { Codec } from '../../packages/core/src/codec/codec.ts'
import { JsonCodec } from '../../packages/core/src/codec/json-codec.ts'

interface Session {
  deadline: Date
  values: Map<string, unknown>
}

const utf8Encoder = new TextEncoder()
const utf8Decoder = new TextDecoder('utf-8', { fatal: true })

const ofText = (
  write: (session: { deadline: Date; values: ReadonlyMap<string, unknown> }) => string,
  read: (text: string) => Session,
): Codec => ({
  encode: (deadline, values) => utf8Encoder.encode(write({ deadline, values })),
  decode: (data) => read(utf8Decoder.decode(data)),
})

const ofBytes = (
  write: (session: { deadline: Date; values: ReadonlyMap<string, unknown> }) => Uint8Array,
  read: (data: Uint8Array) => Session,
): Codec => ({ encode: (deadline, values) => write({ deadline, values }), decode: read })

const cborX = new Encoder({ mapsAsObjects: true, useRecords: false, tagUint8Array: false })

/** The floor: what it takes to write and read JSON and to check nothing. Plain values only. */
export const floor: Codec = ofText(
  ({ deadline, values }) => JSON.stringify({ deadline, values: Object.fromEntries(values) }),
  (text) => {
    const { deadline, values } = JSON.parse(text)
    return { deadline: new Date(deadline), values: new Map(Object.entries(values)) }
  },
)

/** The candidates, by name. */
export const codecs: Readonly<Record<string, Codec>> = {
  JsonCodec: new JsonCodec(),
  devalue: ofText(stringify, parse),
  superjson: ofText((session) => superjson.stringify(session), superjson.parse),
  'v8.serialize': ofBytes(serialize, deserialize),
  'cbor-x': ofBytes(
    (session) => cborX.encode(session),
    (data) => cborX.decode(data),
  ),
  // It reads a Map whose keys are strings as an object.
  cbor2: ofBytes(
    (session) => cbor2Encode(session),
    (data) => {
      const { deadline, values } = cbor2Decode<{ deadline: Date; values: object }>(data)
      return { deadline, values: new Map(Object.entries(values)) }
    },
  ),
}
