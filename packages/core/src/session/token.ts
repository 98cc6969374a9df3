import { hash, randomFillSync } from 'node:crypto'

// base64url (RFC 4648 section 5) without padding; 32 bytes are 43 characters.
const grammar = /^[A-Za-z0-9_-]{1,43}$/

const tokenBytes = 32
// One call draws a block: the call costs more than the bytes. `alloc` memory is not shared with
// other buffers.
const block = Buffer.alloc(128 * tokenBytes)
let unused = 0

/**
 * A new session token: 256 random bits from the system's CSPRNG, 43 characters. OWASP asks for 64
 * bits at least.
 */
export function generateToken(): string {
  if (unused === 0) {
    randomFillSync(block)
    unused = block.length
  }
  const start = unused - tokenBytes
  const token = block.toString('base64url', start, unused)
  // No token can be made of the same bytes again, nor read from here.
  block.fill(0, start, unused)
  unused = start
  return token
}

/** What `hashTokenInStore` files a session under: base64url of SHA-256, 43 characters too. */
export function hashToken(token: string): string {
  return hash('sha256', token, 'base64url')
}

/**
 * Whether `token` can be one: 1 to 43 characters of `A-Za-z0-9_-`. What a client sent and this
 * refuses never reaches a store; a store may ask it too, where a malformed token would be an error
 * of its database.
 */
export function isWellFormedToken(token: string | undefined): token is string {
  return typeof token === 'string' && grammar.test(token)
}
