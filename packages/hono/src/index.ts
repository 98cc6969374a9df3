export { type LoadAndSaveOptions, loadAndSave } from './load-and-save.ts'
