import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

const page = readFileSync(new URL('../../docs/security.md', import.meta.url), 'utf8')
const states = ['met', 'met with `hardened`', 'yours']

/** How many requirements each section has that the page goes through as a whole: ASVS 5.0, sections 3.3 and 7.1 to 7.6. */
const sections = { '3.3': 5, '7.1': 3, '7.2': 4, '7.3': 2, '7.4': 5, '7.5': 3, '7.6': 2 }

describe('docs/security.md', () => {
  const rows = [
    ...page.matchAll(/^\| (\d+\.\d+\.\d+) \| ([123]) \| (.+?) \| (.+?) \| (.*?) ?\|$/gm),
  ]

  it('has a row for each requirement of ASVS 5.0 about session cookies and sessions, once', () => {
    const numbers = rows.map(([, number = '']) => number)
    expect(new Set(numbers).size).toBe(numbers.length)
    for (const [section, count] of Object.entries(sections)) {
      const wanted = Array.from({ length: count }, (_, index) => `${section}.${index + 1}`)
      expect(numbers.filter((number) => number.startsWith(`${section}.`))).toEqual(wanted)
    }
  })

  it('says of each whether it is met, and how', () => {
    for (const [row, , , , state = '', how] of rows) {
      expect(states, row).toContain(state)
      expect(how, row).not.toBe('')
    }
  })

  it('says so of each heading of the cheat sheet', () => {
    const [, part = ''] = page.split('## OWASP session management cheat sheet')
    const [table = ''] = part.split('\n## ')
    const headings = [...table.matchAll(/^\| ([A-Z].+?) \| (.+?) \| (.*?) ?\|$/gm)]
    expect(headings.length).toBeGreaterThan(30)
    for (const [row, , state = '', how] of headings) {
      expect(states, row).toContain(state)
      expect(how, row).not.toBe('')
    }
  })

  it('has the sections that its rows link to', () => {
    const anchors = [...page.matchAll(/^## (.+)$/gm)].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replace(/[^\w\- ]/g, '')
        .replaceAll(' ', '-'),
    )
    const links = [...page.matchAll(/\]\(#(.+?)\)/g)].map(([, anchor = '']) => anchor)
    expect(links.filter((link) => !anchors.includes(link))).toEqual([])
  })
})
