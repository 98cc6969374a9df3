/** The same bytes as a Buffer, which every driver binds; nothing is copied. */
export function bytes(data: Uint8Array): Buffer {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength)
}
