/** A value that nobody has asked for yet. */
export class Unread {
  readonly #text: string

  constructor(text: string) {
    this.#text = text
  }

  /** Unlike `instanceof`, this runs no code of a value that is a proxy. */
  static is(value: unknown): value is Unread {
    return typeof value === 'object' && value !== null && #text in value
  }

  /** What it is read from. */
  get text(): string {
    return this.#text
  }
}

/** The values of a session, of which some are text until they are read. Who has read one may change it in place. */
export class LazyValues extends Map<string, unknown> {
  readonly #read: (key: string, text: string) => unknown

  /** @param read gives the value of a text; what it throws, reading throws */
  constructor(read: (key: string, text: string) => unknown) {
    super()
    this.#read = read
  }

  override get(key: string): unknown {
    const value = super.get(key)
    if (!Unread.is(value)) return value
    const read = this.#read(key, value.text)
    this.set(key, read)
    return read
  }

  /** A copy, in which as much is unread. */
  copy(): LazyValues {
    const copy = new LazyValues(this.#read)
    for (const [key, value] of this.unreadEntries()) copy.set(key, value)
    return copy
  }

  /** The entries as they are: {@link Unread} where nobody has read the value. */
  unreadEntries(): MapIterator<[string, unknown]> {
    return super.entries()
  }

  override entries(): MapIterator<[string, unknown]> {
    this.#readAll()
    return super.entries()
  }

  override [Symbol.iterator](): MapIterator<[string, unknown]> {
    return this.entries()
  }

  override values(): MapIterator<unknown> {
    this.#readAll()
    return super.values()
  }

  override forEach(
    call: (value: unknown, key: string, map: Map<string, unknown>) => void,
    thisArg?: unknown,
  ): void {
    this.#readAll()
    super.forEach(call, thisArg)
  }

  #readAll(): void {
    for (const key of this.keys()) this.get(key)
  }
}

/** A Map of the same values; what is unread stays so. */
export function copyOf(values: ReadonlyMap<string, unknown>): Map<string, unknown> {
  return values instanceof LazyValues ? values.copy() : new Map(values)
}
