// The kit
export { cases } from './cases.ts'
export type { StoreCase } from './store-case.ts'
// What it is given
export { type Capability, capabilitiesOf, type StoreExtras, type StoreTarget } from './target.ts'
export { type TestRunner, type TestStoreOptions, testStore } from './test-store.ts'
