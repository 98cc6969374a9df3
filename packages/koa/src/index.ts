export { loadAndSave } from './load-and-save.ts'
