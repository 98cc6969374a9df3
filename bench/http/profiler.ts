import { type Profiler, Session } from 'node:inspector'
import { promisify } from 'node:util'

/** Samples, by whose code it was: a package, Node, the collector. */
export type Profile = Record<string, number>

const session = new Session()
const post = promisify(session.post).bind(session) as (
  method: string,
  params?: object,
) => Promise<unknown>

/** Begins to sample this process, every 100 µs. */
export async function startProfile(): Promise<void> {
  session.connect()
  await post('Profiler.enable')
  await post('Profiler.setSamplingInterval', { interval: 100 })
  await post('Profiler.start')
}

/** Ends it. */
export async function stopProfile(): Promise<Profile> {
  const { profile } = (await post('Profiler.stop')) as Profiler.StopReturnType
  session.disconnect()
  return byOwner(profile.nodes)
}

function byOwner(nodes: readonly Profiler.ProfileNode[]): Profile {
  const parents = new Map<number, Profiler.ProfileNode>()
  for (const node of nodes) for (const child of node.children ?? []) parents.set(child, node)
  const samples: Profile = {}
  for (const node of nodes) {
    const owner = ownerOf(node, parents)
    if (owner !== '(idle)') samples[owner] = (samples[owner] ?? 0) + (node.hitCount ?? 0)
  }
  return samples
}

// A function of the engine's, or of an addon, is its caller's: JSON.parse costs whoever parses.
function ownerOf(node: Profiler.ProfileNode, parents: Map<number, Profiler.ProfileNode>): string {
  const { functionName, url } = node.callFrame
  if (functionName === '(garbage collector)') return 'garbage collection'
  if (functionName === '(program)') return 'native code'
  if (functionName.startsWith('(')) return functionName
  const parent = parents.get(node.id)
  if (url === '') return parent ? ownerOf(parent, parents) : functionName
  const [, scope] = /.*\/packages\/([\w-]+)\/dist\//.exec(url) ?? []
  if (scope) return `@scs/${scope}`
  const [, dependency] = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url) ?? []
  if (dependency) return dependency
  return url.startsWith('node:') ? 'Node' : 'the server itself'
}
