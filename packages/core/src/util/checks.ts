/**
 * The type of `value`, for an error about it: `undefined`, `a string`, `an instance of Map`. Never
 * the value itself.
 */
export function kindOf(value: unknown): string {
  if (value === undefined || value === null) return String(value)
  if (typeof value !== 'object') return `a ${typeof value}`
  if (Array.isArray(value)) return 'an array'
  const { constructor: maker } = value
  const isPlain = maker === Object || typeof maker !== 'function' || maker.name === ''
  return isPlain ? 'an object' : `an instance of ${maker.name}`
}

/** Throws a TypeError unless `value` is a function. */
export function checkFunction(method: string, value: unknown): void {
  if (typeof value !== 'function') throw misuse(method, 'a function', value)
}

/** Throws a TypeError unless `ctx` is a context. */
export function checkContext(method: string, ctx: unknown): void {
  if (typeof (ctx as { value?: unknown } | undefined)?.value === 'function') return
  throw misuse(method, 'a context, contextOf(req) or background()', ctx)
}

/** Throws a TypeError unless a context can be bound to `carrier`. */
export function checkCarrier(method: string, carrier: unknown): void {
  if (isObject(carrier) || typeof carrier === 'function') return
  throw misuse(method, 'a request, or what the framework gives to a handler', carrier)
}

/** Throws a TypeError unless `headers` can be those of a request. */
export function checkHeaders(method: string, headers: unknown): void {
  if (!isObject(headers)) throw misuse(method, 'the headers of a request', headers)
}

/** Throws a TypeError unless headers can be set on `to`. */
export function checkResponse(method: string, to: unknown): void {
  const { set, setHeader } = (to ?? {}) as { set?: unknown; setHeader?: unknown }
  if (typeof set === 'function' || typeof setHeader === 'function') return
  throw misuse(method, 'a response or a Headers', to)
}

/**
 * Throws a TypeError unless `handler` is a function: `loadAndSave` may have been given to a
 * framework without a call.
 *
 * @param isMethod whether it was called on a manager
 */
export function checkHandler(handler: unknown, isMethod: boolean): void {
  if (typeof handler !== 'function') {
    const cure =
      ': call it with one; middleware of Express, Fastify, Koa and Hono is in @scs/express, @scs/fastify, @scs/koa and @scs/hono'
    throw misuse('sessionManager.loadAndSave', 'a handler, (req, res) => …', handler, cure)
  }
  if (isMethod) return
  throw new TypeError(
    'loadAndSave is a method: call sessionManager.loadAndSave(…), not the function alone',
  )
}

/**
 * Throws a TypeError unless `value` is a session manager: for adapters, which may have been given
 * to a framework without a call. Any object with a method `loadAndSave` passes: it may be of
 * another copy of this package, or a test double.
 *
 * @param usage how the adapter is used: `'app.use(loadAndSave(sessionManager))'`
 */
export function checkManager(value: unknown, usage: string): void {
  const { loadAndSave } = isObject(value) ? (value as { loadAndSave?: unknown }) : {}
  if (typeof loadAndSave === 'function') return
  throw misuse('loadAndSave', 'a SessionManager', value, `: write ${usage}`)
}

/**
 * The names of all options of an `Options`, as the keys of an object: the compiler sees to it that
 * none is missing.
 */
export type OptionNames<Options> = Readonly<Record<keyof Options & string, true>>

/**
 * Throws a TypeError unless `options` is an object whose properties are all options: for
 * constructors of managers and stores, and for adapters. The error names the option, and the one
 * that was probably meant.
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
  const known = Object.keys(names)
  if (!isObject(options) || isOfAnotherKind(options, known)) {
    throw new TypeError(
      `the options of ${owner} must be an object, such as { ${known[0]}: … }; it is ${kindOf(options)}`,
    )
  }
  const wrong = Object.keys(options).find((name) => !Object.hasOwn(names, name))
  if (wrong === undefined) return
  const cure = Object.hasOwn(hints, wrong) ? hints[wrong] : suggestion(wrong, known, path)
  throw new TypeError(`${owner} has no option ${path}${wrong.slice(0, longestName)}: ${cure}`)
}

const longestName = 50

// A store, an array, a Map: it has none of the options, and is not a plain object either.
function isOfAnotherKind(options: object, names: readonly string[]): boolean {
  const prototype: unknown = Object.getPrototypeOf(options)
  if (prototype === Object.prototype || prototype === null) return false
  return !names.some((name) => name in options)
}

function suggestion(name: string, names: readonly string[], path: string): string {
  const meant = nearest(name, names)
  if (meant !== undefined) return `did you mean ${path}${meant}?`
  return `its options are ${names.map((known) => path + known).join(', ')}`
}

function nearest(name: string, names: readonly string[]): string | undefined {
  const given = folded(name)
  if (given.length > longestName) return undefined
  // A name with two of four letters changed is another name.
  for (let edits = 0; edits <= Math.min(2, (given.length - 1) / 3); edits++) {
    const near = names.find((known) => isWithin(edits, given, folded(known)))
    if (near !== undefined) return near
  }
  return names.find((known) => isPartOf(folded(known), given) || isPartOf(given, folded(known)))
}

function folded(name: string): string {
  return name.toLowerCase().replace(/[_-]/g, '')
}

function isPartOf(part: string, whole: string): boolean {
  return part.length > 3 && whole.includes(part)
}

/**
 * Whether at most `edits` letters have to be put in, left out or replaced to make one of the other
 * (Levenshtein).
 */
function isWithin(edits: number, from: string, to: string): boolean {
  if (edits < 0) return false
  if (from === '' || to === '') return from.length + to.length <= edits
  const [restOfFrom, restOfTo] = [from.slice(1), to.slice(1)]
  if (from[0] === to[0]) return isWithin(edits, restOfFrom, restOfTo)
  return (
    isWithin(edits - 1, restOfFrom, to) ||
    isWithin(edits - 1, from, restOfTo) ||
    isWithin(edits - 1, restOfFrom, restOfTo)
  )
}

function misuse(method: string, wanted: string, given: unknown, cure = ''): TypeError {
  return new TypeError(`${method} takes ${wanted}, and was given ${kindOf(given)}${cure}`)
}

/** Whether `value` is an object, and not a function. */
export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}
