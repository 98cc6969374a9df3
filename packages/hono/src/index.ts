// Hono

export { type LoadAndSaveOptions, loadAndSave } from './load-and-save.ts'

// Everything else that answers a Request with a Response

export { type LoadAndSaveFetchOptions, loadAndSaveFetch } from './load-and-save-fetch.ts'
