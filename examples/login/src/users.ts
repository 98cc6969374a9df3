import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'

interface Hash {
  readonly salt: Buffer
  readonly key: Buffer
}

// OWASP's minimum for scrypt; needs 32 MB at a time.
const cost: ScryptOptions = { N: 2 ** 15, r: 8, p: 3, maxmem: 64 * 2 ** 20 }
const derive = promisify<string, Buffer, number, ScryptOptions, Buffer>(scrypt)

// FOR THE DEMONSTRATION ONLY: two users, with passwords in the source. Keep hashes in a database.
const users = new Map([
  ['ada', await hashPassword('analytical engine')],
  ['grace', await hashPassword('nanosecond')],
])
const nobody = await hashPassword(randomBytes(16).toString('hex'))

/** Whether the user exists and has this password. Either answer takes the same time, and so tells no names. */
export async function isPassword(userName: string, password: string): Promise<boolean> {
  const user = users.get(userName)
  const { salt, key } = user ?? nobody
  const isEqual = timingSafeEqual(key, await derive(password, salt, key.length, cost))
  return isEqual && user !== undefined
}

async function hashPassword(password: string): Promise<Hash> {
  const salt = randomBytes(16)
  return { salt, key: await derive(password, salt, 32, cost) }
}
