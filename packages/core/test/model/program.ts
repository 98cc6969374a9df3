import fc from 'fast-check'

/** One thing that a handler does. */
export type Step =
  | { readonly do: 'put' | 'update' | 'remove' | 'pop'; readonly key: string }
  | { readonly do: 'count' | 'clear' | 'renewToken' | 'destroy' | 'signOutEverywhere' | 'pause' }
  | { readonly do: 'setDeadline'; readonly minutes: number }
  | { readonly do: 'rememberMe'; readonly remember: boolean }
  | { readonly do: 'mergeSession'; readonly browser: number }
  | { readonly do: 'commit'; readonly awaited: boolean }

/** One request: which browser sent it, which process has it, and what its handler does. */
export interface Request {
  readonly browser: number
  readonly process: number
  readonly steps: readonly Step[]
}

/** Requests that overlap. Each browser begins with a session of its own. */
export interface Program {
  readonly browsers: number
  readonly requests: readonly Request[]
}

// Few, so that requests meet; each of them is put to, counted in and removed.
const key = fc.constantFrom('a', 'b')
const browsers = 2
const processes = 2

const keyed = (kind: 'put' | 'update' | 'remove' | 'pop') =>
  fc.record({ do: fc.constant(kind), key })
const plain = (
  kind: 'count' | 'clear' | 'renewToken' | 'destroy' | 'signOutEverywhere' | 'pause',
) => fc.constant({ do: kind } as const)

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: plain('pause') },
  { weight: 4, arbitrary: keyed('update') },
  { weight: 3, arbitrary: plain('count') },
  { weight: 4, arbitrary: keyed('put') },
  { weight: 1, arbitrary: keyed('remove') },
  { weight: 1, arbitrary: keyed('pop') },
  { weight: 1, arbitrary: plain('clear') },
  { weight: 1, arbitrary: plain('destroy') },
  { weight: 1, arbitrary: plain('signOutEverywhere') },
  { weight: 2, arbitrary: plain('renewToken') },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('setDeadline'),
      minutes: fc.integer({ min: 15, max: 1000 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('rememberMe'), remember: fc.boolean() }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('mergeSession'),
      browser: fc.integer({ min: 0, max: browsers - 1 }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('commit'), awaited: fc.boolean() }) },
)

const request: fc.Arbitrary<Request> = fc.record({
  browser: fc.integer({ min: 0, max: browsers - 1 }),
  process: fc.integer({ min: 0, max: processes - 1 }),
  steps: fc.array(step, { minLength: 1, maxLength: 6 }),
})

/** Programs of two browsers and two processes. */
export const programs: fc.Arbitrary<Program> = fc.record({
  browsers: fc.constant(browsers),
  requests: fc.array(request, { minLength: 1, maxLength: 5 }),
})
