// Handlers of the form (request) => Response

export { type LoadAndSaveFetchOptions, loadAndSaveFetch } from './load-and-save-fetch.ts'

// For adapters of frameworks of that form

export {
  type AnswerError,
  checkErrorResponse,
  FetchSession,
  logAndAnswer,
} from './fetch-session.ts'
