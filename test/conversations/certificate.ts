import { generate } from 'selfsigned'

const tomorrow = new Date(Date.now() + 24 * 60 * 60 * 1000)

// Made anew by each run, so that none of the repository's files expires.
const { private: key, cert } = await generate([{ name: 'commonName', value: 'localhost' }], {
  keyType: 'ec',
  algorithm: 'sha256',
  notAfterDate: tomorrow,
  extensions: [{ name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] }],
})

/** A key and its certificate for 127.0.0.1, both in PEM. */
export const certificate = { key, cert }
