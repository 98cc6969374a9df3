// Locks an SQLite file, says so, and lets go of it at the word.
import { once } from 'node:events'
import SQLite from 'better-sqlite3'

const client = new SQLite(process.argv[2])
client.exec('begin exclusive')
console.log('locked')
await once(process.stdin, 'data')
client.exec('commit')
client.close()
console.log(JSON.stringify('done'))
