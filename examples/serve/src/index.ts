import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'

// Runs before the program that imports this: better-sqlite3 crashes without a word on a Node that is too old.
const [major = 0] = process.versions.node.split('.').map(Number)
if (major < 22) stop(`This example needs Node 22 or later; this is ${process.versions.node}.`)

/**
 * Listens on the port that `PORT` names (4000; 0 is any that is free), says where, and closes on SIGTERM or Ctrl-C.
 * Gives the URL. A port that cannot be had ends the process with one line. `onClose` ends what would keep the server
 * from closing.
 */
export async function serve(server: Server, onClose?: () => void): Promise<string> {
  const wanted = Number(process.env.PORT ?? 4000)
  try {
    await once(server.listen(wanted), 'listening')
  } catch (error) {
    stop(`Port ${wanted}: ${(error as Error).message}. Choose another one with PORT.`)
  }
  for (const signal of ['SIGTERM', 'SIGINT']) {
    process.once(signal, () => {
      server.close()
      onClose?.()
    })
  }

  const url = `http://localhost:${(server.address() as AddressInfo).port}`
  console.log(`Listening on ${url}`)
  return url
}

function stop(reason: string): never {
  console.error(reason)
  process.exit(1)
}
