// One of several server processes on one Redis, or one cluster: its addresses, separated by spaces.
import { RedisStore } from '@scs/redis-store'
import { serveUpdates } from '../../../drizzle-store/test/faults/serve-updates.ts'
import { clusterDrivers, driverCalled, nodeRedisClusterWithReplicas } from '../drivers.ts'

const [name, address = ''] = process.argv.slice(2)
const urls = address.split(' ')
const clusterDriver = [...clusterDrivers, nodeRedisClusterWithReplicas].find(
  (candidate) => candidate.name === name,
)
const opened = await (clusterDriver?.open(urls, { impatient: true }) ??
  driverCalled(name).open(address, { impatient: true }))

serveUpdates(new RedisStore(opened.client), opened.close)
