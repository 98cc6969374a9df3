import { createConnection, type RowDataPacket } from 'mysql2/promise'
import openPostgres from 'postgres'
import { createClient } from 'redis'

/** What a server at this URL calls itself, and its version. */
export async function serverVersion(url: string): Promise<[name: string, version: string]> {
  switch (new URL(url).protocol) {
    case 'postgres:':
    case 'postgresql:':
      return ['PostgreSQL', await postgresVersion(url)]
    case 'mysql:':
      return ['MariaDB', await mysqlVersion(url)]
    case 'redis:':
      return ['Redis', await redisVersion(url)]
    default:
      throw new Error(`no server is known that has URLs such as ${url}`)
  }
}

async function postgresVersion(url: string): Promise<string> {
  const client = openPostgres(url, { max: 1 })
  const [row] = await client`show server_version`
  await client.end()
  return row?.server_version
}

async function mysqlVersion(url: string): Promise<string> {
  const client = await createConnection(url)
  const [rows] = await client.query<RowDataPacket[]>('select version() as version')
  await client.end()
  return rows[0]?.version
}

async function redisVersion(url: string): Promise<string> {
  const client = await createClient({ url }).connect()
  const info = await client.sendCommand<string>(['INFO', 'server'])
  client.destroy()
  return /^redis_version:(.*?)\r?$/m.exec(info)?.[1] ?? 'unknown'
}
