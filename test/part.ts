/** Which part of the tests runs: see vitest.workspace.ts. */
const part = process.env.SCS_TESTS ?? 'all'

/** What this part repeats its tests with: `daily` of `all` in `npm test`, the others in `npm run test:rest`. */
export function ofThisPart<T>(all: readonly T[], daily: readonly T[]): readonly T[] {
  if (part === 'daily') return daily
  return part === 'rest' ? all.filter((each) => !daily.includes(each)) : all
}

/** How often this part repeats a test of random input; the variable `name` of the environment says otherwise. */
export function runs(name: string, daily: number, rest: number): number {
  return Number(process.env[name] ?? (part === 'daily' ? daily : rest))
}

/** Where random input begins: the same in each run, unless the variable `name` of the environment says otherwise. */
export function seedOf(name: string): number {
  return Number(process.env[name] ?? 4)
}
