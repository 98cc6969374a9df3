import { type SessionSize, valuesOf } from '../sessions.ts'

/** What a request for `/fill?size=…` puts into its session. */
export function filling(url: string | undefined): Record<string, unknown> {
  return valuesOf(sizeOf(url))
}

/** The size that a request for `/fill` asks for. */
export function sizeOf(url = ''): SessionSize {
  return new URL(url, 'http://localhost').searchParams.get('size') as SessionSize
}
