const day = 86_400_000
const mostDays = 1000
const twoDigits = Array.from({ length: 60 }, (_, n) => String(n).padStart(2, '0'))

/** `new Date(time).toUTCString()` of a whole second, as HTTP writes dates (RFC 9110 section 5.6.7). */
export function httpDate(time: number): string {
  return `${httpDays.of(time)}${clock(time)} GMT`
}

/** `new Date(time).toISOString()`. */
export function isoDate(time: number): string {
  const milliseconds = String(remainder(time, 1000)).padStart(3, '0')
  return `${isoDays.of(time)}${clock(time)}.${milliseconds}Z`
}

/** Texts of days, each made once: the calendar is what takes long in a date. */
class Days {
  readonly #texts = new Map<number, string>()
  readonly #make: (midnight: Date) => string

  constructor(make: (midnight: Date) => string) {
    this.#make = make
  }

  of(time: number): string {
    const number = Math.floor(time / day)
    let text = this.#texts.get(number)
    if (text === undefined) {
      if (this.#texts.size === mostDays) this.#texts.clear()
      text = this.#make(new Date(number * day))
      this.#texts.set(number, text)
    }
    return text
  }
}

const httpDays = new Days((midnight) => midnight.toUTCString().slice(0, -'00:00:00 GMT'.length))
const isoDays = new Days((midnight) => midnight.toISOString().slice(0, -'00:00:00.000Z'.length))

function clock(time: number): string {
  const second = Math.floor(remainder(time, day) / 1000)
  const hours = twoDigits[Math.floor(second / 3600)]
  const minutes = twoDigits[Math.floor(second / 60) % 60]
  return `${hours}:${minutes}:${twoDigits[second % 60]}`
}

// Never negative, also before 1970.
function remainder(time: number, by: number): number {
  return ((time % by) + by) % by
}
