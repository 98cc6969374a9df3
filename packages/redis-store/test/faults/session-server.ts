// One of several server processes on one Redis, or one cluster: its addresses, separated by spaces.
import { RedisStore } from '@scs/redis-store'
import { serveUpdates } from '../../../drizzle-store/test/faults/serve-updates.ts'
import { clusterDrivers, drivers, nodeRedisClusterWithReplicas } from '../drivers.ts'

const [name, address = ''] = process.argv.slice(2)
const urls = address.split(' ')
const driver = drivers.find((candidate) => candidate.name === name)
const clusterDriver = [...clusterDrivers, nodeRedisClusterWithReplicas].find(
  (candidate) => candidate.name === name,
)
const opened = await (driver?.open(address, { impatient: true }) ??
  clusterDriver?.open(urls, { impatient: true }))
if (opened === undefined) throw new Error(`no client ${name}`)

serveUpdates(new RedisStore(opened.client), opened.close)
