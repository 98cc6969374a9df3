// Asks for all responses at once, in a process of its own, and tells how many bytes have come and how many cookies.
import { Agent, get } from 'node:http'
import { responses } from './streams.ts'

const port = Number(process.argv[2])
const agent = new Agent({ maxSockets: responses })

async function read(): Promise<{ bytes: number; cookies: number }> {
  return new Promise((resolve, reject) => {
    const sent = get({ host: '127.0.0.1', port, agent }, (res) => {
      let bytes = 0
      res.on('data', (chunk: Buffer) => {
        bytes += chunk.length
      })
      res.on('error', reject)
      res.on('end', () => resolve({ bytes, cookies: res.headers['set-cookie']?.length ?? 0 }))
    })
    sent.on('error', reject)
  })
}

const answers = await Promise.all(Array.from({ length: responses }, read))
process.send?.({
  bytes: answers.reduce((sum, { bytes }) => sum + bytes, 0),
  cookies: answers.reduce((sum, { cookies }) => sum + cookies, 0),
})
process.disconnect()
agent.destroy()
