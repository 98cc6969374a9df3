import { type Group, groups } from './contestants.ts'
import { type Scenario, scenarios } from './paths.ts'

/** What is to be measured: groups by name, requests by the start of theirs; all of them where nothing is said. */
export function choice(
  only: readonly string[] | undefined,
  path: readonly string[] | undefined,
): { chosen: readonly Group[]; asked: readonly Scenario[] } {
  const chosen = groups.filter(({ name }) => only?.includes(name) ?? true)
  const asked = scenarios.filter(
    ({ name }) => path?.some((start) => name.startsWith(start)) ?? true,
  )
  if (chosen.length > 0 && asked.length > 0) return { chosen, asked }
  throw new Error(
    `--only takes ${groups.map(({ name }) => name).join(', ')}; --path the start of ${scenarios.map(({ name }) => `"${name}"`).join(', ')}`,
  )
}
