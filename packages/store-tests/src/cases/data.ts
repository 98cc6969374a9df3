import { expectData } from '../expect.ts'
import { everyByte, live, longText, text } from '../sample.ts'
import { type StoreCase, storeCase } from '../store-case.ts'
import type { Subject } from '../subject.ts'

async function expectRoundTrip(subject: Subject, data: Uint8Array, promise: string): Promise<void> {
  const token = subject.token()
  await subject.commit(token, data, live())
  expectData(await subject.find(token), data, promise)
}

/** Bytes come back as they went in. */
export const dataCases: readonly StoreCase[] = [
  storeCase('data of 1 MB comes back whole', async (subject) => {
    await expectRoundTrip(subject, longText(1_000_000, 'm'), 'data of up to 1 MB comes back whole')
  }),

  storeCase('every byte value comes back as it went in', async (subject) => {
    const promise = 'data is bytes, not text: every value from 0 to 255 comes back as it went in'
    await expectRoundTrip(subject, everyByte(), promise)
    for (const byte of [0x00, 0x0a, 0x20, 0x80, 0xff]) {
      await expectRoundTrip(subject, Uint8Array.of(byte), promise)
    }
  }),

  storeCase('empty data comes back as empty data', async (subject) => {
    await expectRoundTrip(
      subject,
      new Uint8Array(0),
      'data of no bytes is data: find gives an empty Uint8Array, not "no session"',
    )
  }),

  storeCase('a view of a larger buffer is stored as that view', async (subject) => {
    const larger = text('before|the data itself|after')
    await expectRoundTrip(
      subject,
      larger.subarray(7, 22),
      'a Uint8Array that is a view of a larger buffer is stored as what it shows, not as the buffer',
    )
  }),

  storeCase('bytes given to commit may be changed afterwards', async (subject) => {
    // A Buffer's slice is no copy, as a Uint8Array's is.
    for (const data of [text('as committed'), Buffer.from(text('as committed').buffer)]) {
      const token = subject.token()
      await subject.commit(token, data, live())
      data.fill(0x2a)
      expectData(
        await subject.find(token),
        text('as committed'),
        'what a caller does to its bytes after commit does not change what is stored: copy them',
      )
    }
  }),

  storeCase('bytes that find gave may be changed', async (subject) => {
    const token = subject.token()
    await subject.commit(token, text('as committed'), live())
    ;(await subject.find(token))?.fill(0x2a)
    expectData(
      await subject.find(token),
      text('as committed'),
      'what a caller does to the bytes that find gave does not change what is stored: give copies',
    )
  }),
]
