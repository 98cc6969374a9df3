import { createHash, randomUUID } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Store } from '@scs/core'

/**
 * Sessions in a folder, one file for each: its expiry in 8 bytes, and then the data. Files of expired sessions are not
 * found, and stay: with a lifetime of a day, `find sessions -type f -mtime +1 -delete` removes them.
 */
export class FileStore implements Store {
  readonly #folder: string

  constructor(folder: string) {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    this.#folder = folder
  }

  async find(token: string): Promise<Uint8Array | undefined> {
    try {
      const file = await readFile(this.#pathOf(token))
      return file.readDoubleBE(0) > Date.now() ? file.subarray(8) : undefined
    } catch (error) {
      // No file is no session. All else is the store's failure, and not to be taken for that.
      if (isMissing(error)) return undefined
      throw error
    }
  }

  async commit(token: string, data: Uint8Array, expiry: Date): Promise<void> {
    const header = Buffer.alloc(8)
    header.writeDoubleBE(expiry.getTime())
    const path = this.#pathOf(token)
    const draft = `${path}.${randomUUID()}`
    // Renaming is one step: who reads meanwhile gets the old file or the new one, never half of it.
    await writeFile(draft, Buffer.concat([header, data]), { mode: 0o600, flush: true })
    await rename(draft, path)
  }

  async delete(token: string): Promise<void> {
    await rm(this.#pathOf(token), { force: true })
  }

  // A token comes from a client: as a hash it is a file name whatever it holds, and no path out of the folder. It
  // stays another name than that of every other token where file systems do not tell `a` from `A`.
  #pathOf(token: string): string {
    return join(this.#folder, createHash('sha256').update(token).digest('hex'))
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}
