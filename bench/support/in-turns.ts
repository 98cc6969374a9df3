/** The list, beginning with another one in each round: who comes first has an advantage, or a disadvantage. */
export function inTurns<T>(list: readonly T[], round: number): T[] {
  const start = round % Math.max(list.length, 1)
  return [...list.slice(start), ...list.slice(0, start)]
}
