import { kindOf } from './kind-of.ts'

/** The names of all options of an `Options`, as the keys of an object: the compiler sees to it that none is missing. */
export type OptionNames<Options> = Readonly<Record<keyof Options & string, true>>

/**
 * Throws a TypeError unless `options` is an object without a property that is no option: for constructors of managers and
 * stores, and for adapters. The error names the option, and the one that was probably meant.
 *
 * @param owner whose options they are, for the error: the name of a class or function
 * @param names all of its options
 * @param hints what to do instead, for names that other libraries use
 * @param path what to write before each name, for settings inside of an option: `'cookie.'`
 */
export function checkOptions(
  owner: string,
  options: unknown,
  names: Readonly<Record<string, true>>,
  hints: Readonly<Record<string, string>> = {},
  path = '',
): void {
  if (typeof options !== 'object' || options === null || isOfAnotherKind(options, names)) {
    const [first] = Object.keys(names)
    throw new TypeError(
      `the options of ${owner} must be an object, such as { ${first}: … }; it is ${kindOf(options)}`,
    )
  }
  for (const name of Object.keys(options)) {
    if (Object.hasOwn(names, name)) continue
    throw new TypeError(
      `${owner} has no option ${path}${name.slice(0, longestName)}: ${cure(name, Object.keys(names), hints, path)}`,
    )
  }
}

const longestName = 50

// A store, an array, a Map: something that has none of the options, and is not a plain object either.
function isOfAnotherKind(options: object, names: Readonly<Record<string, true>>): boolean {
  const prototype: unknown = Object.getPrototypeOf(options)
  if (prototype === Object.prototype || prototype === null) return false
  return !Object.keys(names).some((name) => name in options)
}

function cure(
  name: string,
  names: readonly string[],
  hints: Readonly<Record<string, string>>,
  path: string,
): string {
  const hint = Object.hasOwn(hints, name) ? hints[name] : undefined
  if (hint !== undefined) return hint
  const meant = nearest(name, names)
  if (meant !== undefined) return `did you mean ${path}${meant}?`
  return `its options are ${names.map((known) => path + known).join(', ')}`
}

function nearest(name: string, names: readonly string[]): string | undefined {
  const given = folded(name)
  if (given.length > longestName) return undefined
  const distances = names.map((known) => distance(given, folded(known)))
  const least = Math.min(...distances)
  // A name with two of four letters changed is another name.
  if (least <= Math.min(2, (given.length - 1) / 3)) return names[distances.indexOf(least)]
  return names.find((known) => isPartOf(folded(known), given) || isPartOf(given, folded(known)))
}

function folded(name: string): string {
  return name.toLowerCase().replace(/[_-]/g, '')
}

function isPartOf(part: string, whole: string): boolean {
  return part.length > 3 && whole.includes(part)
}

/** How many letters have to be put in, left out or replaced to make one of the other (Levenshtein). */
function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (let i = 1; i <= from.length; i++) {
    const next = [i]
    for (let j = 1; j <= to.length; j++) {
      const replaced = at(row, j - 1) + (from[i - 1] === to[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, at(row, j) + 1, at(next, j - 1) + 1))
    }
    row = next
  }
  return at(row, to.length)
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Number.POSITIVE_INFINITY
}
