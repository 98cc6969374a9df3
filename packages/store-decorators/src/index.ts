export { CachedStore, type CachedStoreOptions } from './cached-store.ts'
export { type MigratingStores, migratingStore } from './migrating-store.ts'
