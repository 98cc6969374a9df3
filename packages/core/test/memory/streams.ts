/** How many responses a server streams at once, and the size of each. */
export const responses = 200
export const bytes = 10_000_000

/** How long the store takes for a commit, in milliseconds: the gates are held for it. */
export const commitTime = 100
