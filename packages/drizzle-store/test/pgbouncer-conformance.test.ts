import { testStore } from '@scs/store-tests'
import { describe, it } from 'vitest'
import { describeBehindPgBouncer } from './behind-pgbouncer.ts'

describeBehindPgBouncer((_, target) => {
  testStore({ describe, it }, 'keeps the promises of a store', target, { without: ['all'] })
})
