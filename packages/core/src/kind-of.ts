/** What `value` is, for an error about it: `undefined`, `a string`, `an instance of Map`. Never the value itself. */
export function kindOf(value: unknown): string {
  if (value === undefined || value === null) return String(value)
  if (typeof value !== 'object') return `a ${typeof value}`
  if (Array.isArray(value)) return 'an array'
  const { constructor: maker } = value
  const isPlain = maker === Object || typeof maker !== 'function' || maker.name === ''
  return isPlain ? 'an object' : `an instance of ${maker.name}`
}
