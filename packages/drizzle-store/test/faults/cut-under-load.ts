// Cuts the connections of a driver 200 times, under load and also while they are made, and prints what came of it.
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { background } from '@scs/core'
import { over } from '../../../../test/swaps.ts'
import { DrizzleStore } from '../../src/index.ts'
import { driverCalled } from '../drivers.ts'

const ctx = background()
const [name, address = ''] = process.argv.slice(2)
const driver = driverCalled(name)

const cutsInAll = 200
const unhandled: string[] = []
process.on('unhandledRejection', (reason) => unhandled.push(String(reason)))

// By packets of the clients and not by time: a connection has sent three before it is ready.
const { port, hostname } = new URL(address)
const clients = new Set<Socket>()
let cuts = 0
let isCutting = false
let packetsLeft = 0
const relay = createServer((client) => {
  const upstream = connect(Number(port), hostname)
  clients.add(client)
  for (const socket of [client, upstream]) socket.on('error', () => {})
  client.on('close', () => clients.delete(client) && upstream.destroy())
  upstream.on('close', () => client.destroy())
  upstream.on('data', (answer) => client.write(answer))
  client.on('data', (request) => {
    upstream.write(request)
    if (!isCutting || cuts === cutsInAll || --packetsLeft > 0) return
    packetsLeft = 1 + Math.floor(Math.random() * 20)
    cuts++
    // With an error, and without.
    for (const socket of clients) cuts % 2 === 0 ? socket.resetAndDestroy() : socket.destroy()
  })
})
relay.listen(0, '127.0.0.1')
await once(relay, 'listening')
const target = new URL(address)
target.host = `127.0.0.1:${(relay.address() as AddressInfo).port}`

const { db, close } = await driver.open(target.href, 4)
const store = await DrizzleStore.create(db, { cleanupInterval: 0 })
const data = Buffer.from('data')
const future = new Date('2100-01-01')
let answered = 0
let failed = 0
async function load(token: string): Promise<void> {
  while (cuts < cutsInAll) {
    for (const call of [
      () => store.commitCtx(ctx, token, data, future),
      () => store.findCtx(ctx, token),
      () => store.swap(background(), over(token, data, data, future)),
    ]) {
      await Promise.resolve(call()).then(
        () => answered++,
        () => failed++,
      )
    }
  }
}
isCutting = true
await Promise.all(Array.from({ length: 20 }, (_, i) => load(`t${i}`)))

// And then it works as before.
await store.commitCtx(ctx, 'last', data, future)
const last = String(await store.findCtx(ctx, 'last'))
await close()
for (const socket of clients) socket.destroy()
relay.close()
console.log(JSON.stringify({ cuts, answered, failed, unhandled, last }))
