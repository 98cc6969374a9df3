import type { Program, Step } from './program.ts'

/** Programs that have shown a bug; each is run many times, in other orders and with other faults. */
export const regressions: Readonly<Record<string, Program>> = {
  'a session that follows a destroyed one has a deadline of its own, whatever a merge meets': {
    browsers: 2,
    requests: [
      request(0, 0, ['put a', 'destroy', 'merge 1', 'pause']),
      request(1, 1, ['put a', 'commit', 'put b']),
      request(0, 1, ['merge 1', 'commit', 'update a']),
    ],
  },
  'a session that is destroyed while another takes it in does not come back': {
    browsers: 2,
    requests: [
      request(0, 0, ['merge 1', 'commit later', 'destroy', 'pause']),
      request(1, 0, ['merge 0', 'remove a', 'pause', 'pause']),
    ],
  },
  'a commit that failed, and may have been done, is not done again by the next': {
    browsers: 2,
    requests: [
      request(0, 0, ['update a', 'commit', 'update b', 'pause', 'count']),
      request(0, 1, ['pause', 'update a', 'commit later', 'update a']),
    ],
  },
  'a session that was taken in by a commit that may have been done is not given back': {
    browsers: 2,
    requests: [
      request(1, 0, ['merge 0', 'pause', 'commit', 'rememberMe']),
      request(1, 1, ['update b', 'pause']),
    ],
  },
  'a claim, or its end, that comes late undoes no later one': {
    browsers: 2,
    requests: [
      request(1, 1, ['merge 0', 'rememberMe', 'commit later', 'put b']),
      request(1, 1, ['update a', 'pause']),
      request(0, 0, ['pause', 'update a']),
    ],
  },
  'an answer that comes late does not take away what was changed since': {
    browsers: 2,
    requests: [
      request(0, 0, ['clear', 'commit later', 'setDeadline', 'count']),
      request(0, 1, ['rememberMe', 'commit', 'update b']),
    ],
  },
  'an answer that comes after a destroy does not touch the session that follows': {
    browsers: 2,
    requests: [request(0, 0, ['update a', 'commit', 'destroy', 'pause', 'update b', 'count'])],
  },
  'a renewal that comes late is not taken for a revocation': {
    browsers: 2,
    requests: [
      request(0, 0, ['renewToken', 'put b', 'commit', 'count']),
      request(1, 1, ['renewToken', 'commit later', 'count', 'pause']),
    ],
  },
  'increments that are the same bytes are told apart': {
    browsers: 2,
    requests: [
      request(0, 0, ['count']),
      request(0, 1, ['count', 'commit', 'count']),
      request(0, 0, ['count', 'pause']),
    ],
  },
  'a commit that changes nothing tells nothing of another': {
    browsers: 2,
    requests: [request(0, 0, ['commit later', 'update b', 'commit', 'commit'])],
  },
  'a new session has what it takes in, or the other has': {
    browsers: 2,
    requests: [
      request(0, 0, ['destroy', 'merge 1', 'put a', 'commit', 'pause', 'commit']),
      request(1, 1, ['pause', 'update b', 'commit']),
    ],
  },
  'a session that is given back is not taken in by a write that comes late': {
    browsers: 2,
    requests: [
      request(0, 0, ['put b', 'merge 1', 'commit', 'pause', 'put a', 'commit']),
      request(1, 1, ['pause', 'update b', 'commit']),
    ],
  },
  'a new session goes on without what is destroyed while it takes it in': {
    browsers: 2,
    requests: [
      request(0, 0, ['destroy', 'merge 1', 'put a', 'commit', 'pause', 'commit']),
      request(1, 1, ['pause', 'destroy', 'pause']),
    ],
  },
  'a new session that comes late overwrites nothing': {
    browsers: 2,
    requests: [
      request(0, 0, [
        'destroy',
        'update a',
        'commit later',
        'pause',
        'update b',
        'commit',
        'count',
      ]),
      request(0, 1, ['pause', 'pause', 'pause', 'update a']),
    ],
  },
  'a renewal ends the session that another takes in, also when the fresh one was committed before':
    {
      browsers: 2,
      requests: [
        request(0, 0, ['merge 1', 'put a', 'commit', 'pause']),
        request(1, 1, ['put a', 'commit', 'renewToken', 'commit', 'pause']),
        request(0, 0, ['destroy']),
      ],
    },
  'a session that is claimed is signed out with the others': {
    browsers: 2,
    requests: [
      request(0, 0, ['merge 1', 'put a', 'commit', 'pause']),
      request(0, 1, ['destroy', 'signOutEverywhere']),
      request(1, 1, ['put b', 'commit']),
    ],
  },
  'a renewal that was not acknowledged, and is signed out, is a revocation': {
    browsers: 2,
    requests: [
      request(1, 0, ['commit', 'signOutEverywhere', 'clear', 'count']),
      request(0, 1, ['update a', 'put a']),
      request(0, 0, ['put b', 'renewToken', 'pause', 'setDeadline', 'pause', 'commit later']),
    ],
  },
  'a sign out that comes late ends no session that began since': {
    browsers: 2,
    requests: [
      request(1, 1, ['signOutEverywhere', 'pause', 'renewToken', 'signOutEverywhere', 'pause']),
      request(0, 0, ['pause', 'commit', 'count', 'renewToken', 'update a']),
    ],
  },
  'two that take each other in': {
    browsers: 2,
    requests: [
      request(0, 0, ['merge 1', 'update a', 'commit']),
      request(1, 1, ['merge 0', 'update b', 'commit']),
      request(1, 0, ['update a', 'commit']),
    ],
  },
  'a first commit that comes late is known to nobody, whatever has become of the session since': {
    browsers: 2,
    requests: [
      request(0, 0, ['update b', 'commit', 'commit', 'signOutEverywhere']),
      request(1, 0, ['merge 0', 'put a']),
    ],
  },
}

function request(browser: number, process: number, steps: readonly string[]) {
  return { browser, process, steps: steps.map(step) }
}

function step(text: string): Step {
  const [what = '', more = ''] = text.split(' ')
  switch (what) {
    case 'put':
    case 'update':
    case 'remove':
    case 'pop':
      return { do: what, key: more }
    case 'merge':
      return { do: 'mergeSession', browser: Number(more) }
    case 'commit':
      return { do: 'commit', awaited: more !== 'later' }
    case 'rememberMe':
      return { do: 'rememberMe', remember: true }
    case 'setDeadline':
      return { do: 'setDeadline', minutes: 100 }
    case 'count':
    case 'clear':
    case 'renewToken':
    case 'destroy':
    case 'signOutEverywhere':
    case 'pause':
      return { do: what }
    default:
      throw new TypeError(`there is no step ${text}`)
  }
}
