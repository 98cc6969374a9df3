import { background, SessionManager } from '@scs/core'
import { type NodeRedisCluster, RedisStore } from '@scs/redis-store'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import {
  clusterRecipe,
  type RedisCluster,
  startRedisCluster,
} from '../../../../test/servers/redis-cluster.ts'
import { moved } from '../../../../test/swaps.ts'
import { sessionsOf } from '../../../drizzle-store/test/sessions-of.ts'
import * as scripts from '../../src/scripts.ts'
import { clusterDrivers, nodeRedisCluster, type Opened } from '../drivers.ts'

const ctx = background()
const future = new Date('2100-01-01')
const data = Buffer.from('old')
const renamed = Buffer.from('new')
const departure = 'scs:session:moved:{scs:session:a}'
const arrival = 'scs:session:arrived:{scs:session:b}:a'

/** What becomes of a command. */
type Fate = 'done' | 'answer lost' | 'not sent' | 'late'

describe.skipIf(clusterRecipe() === undefined)('rename between two slots of a cluster', () => {
  let cluster: RedisCluster
  let opened: Opened
  let store: RedisStore

  beforeAll(async () => {
    cluster = await startRedisCluster()
    opened = await nodeRedisCluster.open(cluster.urls)
    store = new RedisStore(opened.client)
    // So that the servers know the scripts.
    await store.commitCtx(ctx, 'a', data, future)
    await rename(store)
    await living()
  }, 60_000)
  afterAll(async () => {
    await opened?.close()
    await cluster?.stop()
  })

  // Commands that were cut off, and are still to come.
  const late: (() => Promise<unknown>)[] = []
  const comesLate = async () => {
    for (const send of late.splice(0)) await send()
  }

  /** A store to which `fate` happens, by the name of the command or script. */
  function faulty(fate: (command: string) => Fate | Promise<Fate>): RedisStore {
    const client = opened.client as NodeRedisCluster
    return new RedisStore({
      masters: client.masters,
      nodeClient: (node) => client.nodeClient(node),
      async sendCommand(...command: Parameters<NodeRedisCluster['sendCommand']>) {
        const outcome = await fate(nameOf(command[2]))
        const send = async () => client.sendCommand(...command)
        if (outcome === 'done') return send()
        if (outcome === 'late') late.push(send)
        if (outcome === 'answer lost') await send()
        throw new Error('Socket closed unexpectedly')
      },
    })
  }

  const living = async () => {
    const found = await Promise.all(['a', 'b'].map((token) => store.findCtx(ctx, token)))
    for (const token of ['a', 'b']) await store.deleteCtx(ctx, token)
    await opened.run('DEL', departure)
    await opened.run('DEL', arrival)
    return found.map((data) => data?.toString())
  }
  const rename = (on: RedisStore) => on.swap(ctx, moved('a', 'b', data, renamed, future))

  it('in which the answer is lost of what deletes the old one, is found to be done', async () => {
    await store.commitCtx(ctx, 'a', data, future)
    let lost = 0
    const unlucky = faulty((command) =>
      command === 'leave' && lost++ < 3 ? 'answer lost' : 'done',
    )
    expect(await rename(unlucky)).toBe(true)
    expect(lost).toBeGreaterThan(3)
    expect(await living()).toEqual([undefined, 'new'])
  })

  it('in which the old one cannot be reached for a while, is done later', async () => {
    await store.commitCtx(ctx, 'a', data, future)
    let lost = 0
    const unlucky = faulty((command) => (command === 'leave' && lost++ < 3 ? 'not sent' : 'done'))
    expect(await rename(unlucky)).toBe(true)
    expect(await living()).toEqual([undefined, 'new'])
  })

  it('in which the old one cannot be reached, rejects and loses nothing', async () => {
    for (const fate of ['not sent', 'answer lost'] as const) {
      await store.commitCtx(ctx, 'a', data, future)
      await expect(
        rename(faulty((command) => (command === 'leave' ? fate : 'done'))),
      ).rejects.toThrow('RedisStore could not swap a session: Socket closed unexpectedly')
      expect(await living()).toEqual([fate === 'not sent' ? 'old' : undefined, 'new'])
    }
  })

  it('that rejected can be asked for again', async () => {
    for (const fate of ['not sent', 'answer lost'] as const) {
      await store.commitCtx(ctx, 'a', data, future)
      await expect(
        rename(faulty((command) => (command === 'leave' ? fate : 'done'))),
      ).rejects.toThrow()
      expect(await rename(store)).toBe(true)
      expect(await living()).toEqual([undefined, 'new'])
    }
  })

  it('in which the new one cannot be written, rejects and changes nothing', async () => {
    await store.commitCtx(ctx, 'a', data, future)
    await expect(
      rename(faulty((command) => (command === 'arrive' ? 'not sent' : 'done'))),
    ).rejects.toThrow('Socket closed unexpectedly')
    expect(await living()).toEqual(['old', undefined])
  })

  it('in which somebody logs out between the steps, takes the new one back, also at the third try', async () => {
    for (const failures of [0, 2]) {
      await store.commitCtx(ctx, 'a', data, future)
      let failed = 0
      const overtaken = faulty(async (command) => {
        if (command === 'leave') await store.deleteCtx(ctx, 'a')
        return command === 'takeBack' && failed++ < failures ? 'not sent' : 'done'
      })
      expect(await rename(overtaken)).toBe(false)
      expect(await living()).toEqual([undefined, undefined])
    }
  })

  it('in which somebody logs out, and the new one cannot be taken back, rejects', async () => {
    await store.commitCtx(ctx, 'a', data, future)
    const overtaken = faulty(async (command) => {
      if (command === 'leave') await store.deleteCtx(ctx, 'a')
      return command === 'takeBack' ? 'not sent' : 'done'
    })
    await expect(rename(overtaken)).rejects.toThrow('Socket closed unexpectedly')
    expect(await living()).toEqual([undefined, 'new'])
  })

  it('of a session that is not there writes nothing', async () => {
    const sent: string[] = []
    const watched = faulty((command) => {
      sent.push(command)
      return 'done'
    })
    expect(await rename(watched)).toBe(false)
    await store.commitCtx(ctx, 'a', Buffer.from('other'), future)
    expect(await rename(watched)).toBe(false)
    expect(sent).toEqual(['standing', 'standing'])
    expect(await living()).toEqual(['other', undefined])
  })

  it('whose write of the new one is cut off and comes late, brings nobody back who has logged out since', async () => {
    await store.commitCtx(ctx, 'a', data, future)
    await expect(
      rename(faulty((command) => (command === 'arrive' ? 'late' : 'done'))),
    ).rejects.toThrow('Socket closed unexpectedly')
    expect(await rename(store)).toBe(true)
    await store.deleteCtx(ctx, 'b')
    await comesLate()
    expect(await living()).toEqual([undefined, undefined])
  })

  it('whose write of the new one comes late, after another try has failed, changes nothing', async () => {
    await store.commitCtx(ctx, 'a', data, future)
    await expect(
      rename(faulty((command) => (command === 'arrive' ? 'late' : 'done'))),
    ).rejects.toThrow()
    const overtaken = faulty(async (command): Promise<Fate> => {
      if (command === 'leave') await store.commitCtx(ctx, 'a', Buffer.from('other'), future)
      return 'done'
    })
    expect(await rename(overtaken)).toBe(false)
    await comesLate()
    expect(await living()).toEqual(['other', undefined])
  })

  it('which takes the new one back late, leaves alone what a later try has written', async () => {
    await store.commitCtx(ctx, 'a', data, future)
    const other = Buffer.from('other')
    const overtaken = faulty(async (command) => {
      if (command === 'leave') await store.commitCtx(ctx, 'a', other, future)
      return command === 'takeBack' ? 'late' : 'done'
    })
    await expect(rename(overtaken)).rejects.toThrow()
    // Also when it writes the same.
    expect(await store.swap(ctx, moved('a', 'b', other, renamed, future))).toBe(true)
    await comesLate()
    expect(await living()).toEqual([undefined, 'new'])
  })

  it('that rejected can be asked for again with other data, as long as the old one stands', async () => {
    const newer = Buffer.from('newer')
    const again = () => store.swap(ctx, moved('a', 'b', data, newer, future))
    for (const [fate, isDone] of [
      ['not sent', true],
      ['answer lost', false],
    ] as const) {
      await store.commitCtx(ctx, 'a', data, future)
      await expect(
        rename(faulty((command) => (command === 'leave' ? fate : 'done'))),
      ).rejects.toThrow()
      expect(await again()).toBe(isDone)
      expect(await living()).toEqual([undefined, isDone ? 'newer' : 'new'])
    }
  })

  it('is not repeated once the session has ended under its new token', async () => {
    await store.commitCtx(ctx, 'a', data, future)
    await expect(
      rename(faulty((command) => (command === 'leave' ? 'answer lost' : 'done'))),
    ).rejects.toThrow()
    await store.deleteCtx(ctx, 'b')
    expect(await rename(store)).toBe(false)
    expect(await living()).toEqual([undefined, undefined])
  })

  it('leaves two notes for a minute, which are no sessions', async () => {
    await store.commitCtx(ctx, 'a', data, future)
    expect(await rename(store)).toBe(true)
    for (const note of [departure, arrival]) {
      expect(Number(await opened.run('PTTL', note))).toBeGreaterThan(50_000)
      expect(Number(await opened.run('PTTL', note))).toBeLessThan(60_001)
    }
    expect([...(await sessionsOf(store)).keys()]).toEqual(['b'])
    expect(await living()).toEqual([undefined, 'new'])
  })

  for (const { name, open } of clusterDrivers) {
    it(`${name}: while a master is killed, every session is under a token that its client may know`, {
      timeout: 120_000,
    }, async () => {
      const own = await open(cluster.urls)
      const ownStore = new RedisStore(own.client)
      const manager = new SessionManager({ store: ownStore, storeTimeout: 5000 })
      const start = async () => {
        const made = await manager.load(ctx, '')
        manager.put(made, 'n', 0)
        return (await manager.commit(made))?.token ?? ''
      }
      let isOver = false
      const chain = async (first: string) => {
        let current = first
        const former: string[] = []
        const ends: string[][] = []
        // Some more when it is over.
        for (let left = 5; left > 0; isOver && left--) {
          let next = ''
          try {
            const session = await manager.load(ctx, current)
            if (!manager.exists(session, 'n')) throw new Error('lost')
            await manager.renewToken(session)
            next = manager.token(session)
            await manager.commit(session)
            former.push(current)
            current = next
          } catch (error) {
            expect(String(error)).toMatch(/RedisStore could not|the store did not answer/)
            if (next === '') continue
            ends.push([current, next])
            current = await vi.waitFor(start, { timeout: 60_000 })
          }
        }
        return { current, former, ends }
      }
      const firsts = await Promise.all(Array.from({ length: 12 }, start))
      const chains = Promise.all(firsts.map(chain))
      const victim = await cluster.masterOf(`scs:session:${firsts[0]}`)
      await cluster.failOver(victim)
      await vi.waitFor(start, { timeout: 60_000 })
      isOver = true
      const live = new Set<string>()
      for (const { current, former, ends } of await chains) {
        for (const token of [current, ...former, ...ends.flat()]) {
          if (await ownStore.findCtx(ctx, token)) live.add(token)
        }
        expect(live.has(current)).toBe(true)
        for (const token of former) expect(live.has(token)).toBe(false)
        for (const tokens of ends) expect(tokens.filter((t) => live.has(t))).not.toEqual([])
      }
      await own.close()
      await cluster.restart(victim)
    })
  }
})

// Of a script its name, of another command the command.
function nameOf([command, sha]: readonly unknown[]): string {
  const named = Object.entries(scripts).find(([, script]) => script.sha === sha)
  return named?.[0] ?? String(command)
}
