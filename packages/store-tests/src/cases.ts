import { allCases } from './cases/all.ts'
import { concurrencyCases } from './cases/concurrency.ts'
import { dataCases } from './cases/data.ts'
import { expiryCases } from './cases/expiry.ts'
import { extrasCases } from './cases/extras.ts'
import { findCommitDeleteCases } from './cases/find-commit-delete.ts'
import { findWithExpiryCases } from './cases/find-with-expiry.ts'
import { scanCases } from './cases/scan.ts'
import { swapCases } from './cases/swap.ts'
import { swapRaceCases } from './cases/swap-races.ts'
import { tokenCases } from './cases/tokens.ts'
import { touchCases } from './cases/touch.ts'
import type { StoreCase } from './store-case.ts'

/**
 * Every promise that a store makes, each with the check of it: for runs case by case. `testStore`
 * registers them all.
 */
export const cases: readonly StoreCase[] = [
  ...findCommitDeleteCases,
  ...expiryCases,
  ...dataCases,
  ...tokenCases,
  ...concurrencyCases,
  ...extrasCases,
  ...allCases,
  ...scanCases,
  ...findWithExpiryCases,
  ...touchCases,
  ...swapCases,
  ...swapRaceCases,
]
