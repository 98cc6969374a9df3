import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { findProgram } from './find-program.ts'
import { freePorts } from './free-ports.ts'
import { mariadb } from './mariadb.ts'
import { type PrivateServer, type Recipe, startPrivateServer } from './private-server.ts'

const run = promisify(execFile)

/** One server of a cluster. */
export interface GaleraNode extends PrivateServer {
  readonly url: string
  /** Fulfilled when it serves, in a component of so many nodes. */
  settled(size: number): Promise<void>
  /** Fulfilled when it has lost its cluster, and says so to every statement. */
  alone(): Promise<void>
}

/** A Galera cluster of MariaDB that a test has to itself, of three nodes. */
export interface GaleraCluster {
  readonly nodes: readonly [GaleraNode, GaleraNode, GaleraNode]
  /** Fulfilled when all three nodes serve as one cluster. */
  settled(): Promise<void>
  /** Ends all servers and removes their files; idempotent. */
  stop(): Promise<void>
}

/** The packages of Debian and Ubuntu that bring what a cluster needs. */
export const galeraPackages = ['mariadb-server', 'galera-4', 'rsync'] as const

const providers = ['/usr/lib/galera/libgalera_smm.so', '/usr/lib64/galera-4/libgalera_smm.so']

/** Whether this machine has all that a cluster needs. */
export function canStartGalera(): boolean {
  return (
    mariadb.recipe() !== undefined &&
    provider() !== undefined &&
    findProgram('rsync') !== undefined &&
    client() !== undefined
  )
}

/** Starts a cluster; fulfilled when it is settled. */
export async function startGaleraCluster(): Promise<GaleraCluster> {
  const nodes: GaleraNode[] = []
  const stop = async (): Promise<void> => {
    await Promise.all(nodes.map((node) => node.stop()))
  }
  try {
    const groupPorts = await freePorts(3)
    // The first is the cluster; each of the others copies the data of one that is in it.
    for (const index of groupPorts.keys()) {
      nodes.push(await startNode(groupPorts, index))
      await nodes.at(-1)?.settled(nodes.length)
    }
  } catch (error) {
    await stop()
    throw error
  }
  const [first, second, third] = nodes
  if (!first || !second || !third) throw new Error('a cluster has three nodes')
  return {
    nodes: [first, second, third],
    async settled() {
      await Promise.all(nodes.map((node) => node.settled(nodes.length)))
    },
    stop,
  }
}

async function startNode(groupPorts: readonly number[], index: number): Promise<GaleraNode> {
  const [stateTransfer = 0, increments = 0] = await freePorts(2)
  const server = await startPrivateServer(recipeOf(groupPorts, index, stateTransfer, increments))
  const status = () => statusOf(server.port)
  return {
    ...server,
    url: mariadb.url(server.port),
    async settled(size) {
      const isSettled = (is: Status): boolean =>
        is.wsrep_ready === 'ON' &&
        is.wsrep_local_state_comment === 'Synced' &&
        is.wsrep_cluster_status === 'Primary' &&
        is.wsrep_cluster_size === String(size)
      while (!isSettled(await status())) await delay(50)
    },
    async alone() {
      while ((await status()).wsrep_ready !== 'OFF') await delay(50)
    },
  }
}

function recipeOf(
  groupPorts: readonly number[],
  index: number,
  stateTransfer: number,
  increments: number,
): Recipe {
  const recipe = mariadb.recipe()
  const library = provider()
  if (recipe === undefined || library === undefined) throw new Error('there is no Galera here')
  const address = `gcomm://${groupPorts.map((port) => `127.0.0.1:${port}`)}`
  const options = [
    `base_port=${groupPorts[index]}`,
    `gmcast.listen_addr=tcp://127.0.0.1:${groupPorts[index]}`,
    `ist.recv_addr=127.0.0.1:${increments}`,
    'gcache.size=16M',
  ]
  // The first makes the cluster, and joins it when it starts again.
  const first = 'if [ -e made ]; then new=; else : >made; new=--wsrep-new-cluster; fi'
  return {
    ...recipe,
    name: 'Galera',
    serve: (directory, port) => [
      ...['/bin/sh', '-c', `new=; ${index === 0 ? first : ':'}; exec "$0" "$@" $new`],
      ...recipe.serve(directory, port),
      ...['--wsrep-on=ON', `--wsrep-provider=${library}`, `--wsrep-cluster-address=${address}`],
      ...[`--wsrep-provider-options=${options.join(';')}`, '--wsrep-node-address=127.0.0.1'],
      ...['--wsrep-sst-method=rsync', `--wsrep-sst-receive-address=127.0.0.1:${stateTransfer}`],
      ...['--binlog-format=ROW', '--innodb-autoinc-lock-mode=2', '--innodb-buffer-pool-size=32M'],
    ],
    // In order, a node says goodbye to the others and waits for their answer: they may be frozen.
    stopSignal: 'KILL',
    ready: /Synchronized with group, ready for connections/,
  }
}

type Status = Readonly<Record<string, string>>

// Of a server that does not answer, nothing.
async function statusOf(port: number): Promise<Status> {
  const program = client()
  if (program === undefined) throw new Error('there is no client of MariaDB here')
  const asked = [
    ...['--no-defaults', '--host=127.0.0.1', `--port=${port}`, '--user=root', '--batch'],
    ...['--skip-column-names', '--connect-timeout=2', '--execute', "show status like 'wsrep%'"],
  ]
  try {
    const { stdout } = await run(program, asked, { timeout: 5000 })
    return Object.fromEntries(stdout.split('\n').map((line) => line.split('\t')))
  } catch {
    return {}
  }
}

function client(): string | undefined {
  const install = findProgram('mariadb-install-db')
  return findProgram('mariadb', install ? [dirname(install)] : [])
}

function provider(): string | undefined {
  return providers.find((path) => existsSync(path))
}
