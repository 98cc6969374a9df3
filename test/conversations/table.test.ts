import { expect, it } from 'vitest'
import { type Cell, markdownOf, summaryOf, type Table } from './table.ts'

const passed: Cell = { outcome: 'passed' }
const failed: Cell = { outcome: 'failed' }
const without = (reason: string): Cell => ({ outcome: 'does not apply', reason })

const table: Table = new Map([
  ['put, then get', new Map([['http', passed] as const, ['h2', failed] as const])],
  ['upgrade', new Map([['http', passed] as const, ['h2', without('not over HTTP/2')] as const])],
  ['pipelining', new Map([['http', failed] as const, ['h2', without('not over HTTP/2')] as const])],
  [
    'trailers',
    new Map([['http', { outcome: 'not run' }] as const, ['h2', without('none')] as const]),
  ],
])

it('has a row for each case, a column for each server, and reasons below', () => {
  expect(markdownOf(table)).toBe(
    `
|  | http | h2 |
|---|:-:|:-:|
| put, then get | ✓ | ✗ |
| upgrade | ✓ | – [1] |
| pipelining | ✗ | – [1] |
| trailers | ? | – [2] |

[1] not over HTTP/2
[2] none`.trimStart(),
  )
})

it('is one line for who did not ask for it', () => {
  expect(summaryOf(table)).toBe(
    '4 conversations on 2 servers: 2 passed, 2 failed, 1 not run, 3 does not apply',
  )
  expect(summaryOf(table, 'promises', 'stores')).toMatch(/^4 promises on 2 stores: /)
})
