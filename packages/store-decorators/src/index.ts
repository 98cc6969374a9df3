export { type CachedStoreOptions, cachedStore } from './cached-store.ts'
export { type MigratingStores, migratingStore } from './migrating-store.ts'
