import { once } from 'node:events'
import type { AddressInfo, Server } from 'node:net'

/** Has a relay listen on a free port, and gives the address of `target` through it. */
export async function listenBefore(relay: Server, target: string | URL): Promise<string> {
  relay.listen(0, '127.0.0.1')
  await once(relay, 'listening')
  const address = new URL(target)
  address.host = `127.0.0.1:${(relay.address() as AddressInfo).port}`
  return address.href
}
