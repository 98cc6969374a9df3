export { loadAndSave, type SessionMiddleware } from './load-and-save.ts'
