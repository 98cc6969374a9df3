import { afterAll, beforeAll, expect, inject } from 'vitest'
import { type PrivateServer, startPrivateServer } from '../servers/private-server.ts'
import { type Locations, nginx, statusPath } from './nginx.ts'
import { Site } from './site.ts'
import type { Page, Visitor } from './visitor.ts'

/** Whether there is an nginx; the set-up has said so when not. */
export const hasNginx = inject('nginx') !== undefined

/** A site with nginx in front of it. */
export interface Front<Location extends string> {
  readonly site: Site
  /** Where a page is found through a location of nginx. */
  url(location: Location, page: string): string
  /** Where it is found past nginx. */
  directUrl(page: string): string
  /** How many requests nginx has not answered, without the one that asks. */
  unanswered(): Promise<number>
}

/** Opens a site and nginx before the tests of a file, and closes both after them. */
export function useFront<L extends Locations>(
  locations: L,
  http: readonly string[] = [],
): Front<keyof L & string> {
  let site: Site | undefined
  let server: PrivateServer | undefined
  beforeAll(async () => {
    site = await Site.open()
    server = await startPrivateServer(nginx(inject('nginx') ?? '', site.port, locations, http))
  })
  afterAll(async () => {
    await server?.stop()
    await site?.close()
  })
  return {
    get site() {
      if (site === undefined) throw new Error('the site opens before the first test')
      return site
    },
    url: (location, page) => `http://127.0.0.1:${server?.port}${location}${page}`,
    directUrl: (page) => `http://127.0.0.1:${site?.port}/${page}`,
    async unanswered() {
      const answer = await fetch(`http://127.0.0.1:${server?.port}${statusPath}`)
      const [, writing] = /Writing: (\d+)/.exec(await answer.text()) ?? []
      return Number(writing) - 1
    },
  }
}

/** Each visitor was given a page made for him, with a token that no other has. */
export function expectOwn(pages: readonly Page[], visitors: readonly Visitor[]): void {
  expect(pages.map(({ body }) => body)).toEqual(visitors.map(({ name }) => `Hello ${name}`))
  const tokens = pages.flatMap(({ cookies }) => cookies.map(tokenOf)).filter((token) => token)
  expect(new Set(tokens).size).toBe(tokens.length)
}

function tokenOf(line: string): string {
  return line.slice(line.indexOf('=') + 1, line.indexOf(';'))
}
