// Says that it is ready, waits for the word, then creates a store and keeps a session in it.
import { once } from 'node:events'
import { background } from '@scs/core'
import { DrizzleStore } from '../../src/index.ts'
import { driverCalled } from '../drivers.ts'

const ctx = background()
const [name, address = '', token = ''] = process.argv.slice(2)
const driver = driverCalled(name)

const { db, close } = await driver.open(address, 1)
console.log('ready')
await once(process.stdin, 'data')
const store = await DrizzleStore.create(db)
await store.commitCtx(ctx, token, Buffer.from(token), new Date(Date.now() + 60_000))
const data = await store.findCtx(ctx, token)
await store.stopCleanup()
await close()
console.log(JSON.stringify({ data: data && Buffer.from(data).toString() }))
