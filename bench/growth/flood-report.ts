import type { Limit } from '../support/limits.ts'
import type { Table } from '../support/results.ts'
import { rounded } from '../support/rounded.ts'
import type { Idle } from './idle-process.ts'
import type { Flood } from './measure-flood.ts'

/** By title: what was measured in floods, and the bytes that a session takes. */
export interface Measured {
  readonly floods: Record<string, MeasuredFlood>
  readonly bytes: Record<string, number>
}

/** One flood, with the load of the machine before and after. */
export interface MeasuredFlood extends Flood {
  readonly load: readonly (readonly number[])[]
}

interface Titled {
  readonly title: string
  readonly flood: MeasuredFlood
}

type Row = (string | number)[]

export function floodLimits(floods: readonly Titled[]): Limit[] {
  return floods.flatMap(({ title, flood }) => {
    const { steps } = flood.served
    const most = mostRows(flood)
    const rows: Limit = {
      name: `${title}: rows ÷ live rows, at most`,
      value: most,
      most: 3,
      unit: '',
    }
    if (!steps) return [rows]
    const block: Limit = {
      name: `${title}: longest block of the event loop by the cleanup, p99.9`,
      value: steps.p999,
      most: 20,
      unit: 'ms',
    }
    return [rows, block]
  })
}

export function floodTables(
  floods: readonly Titled[],
  minutes: number,
  bytes: Measured['bytes'],
): Table[] {
  const all = Array.from({ length: minutes }, (_, n) => n + 1)
  return [
    {
      title: 'Rows after so many minutes of a flood',
      columns: ['', ...all.map(String)],
      rows: floods.flatMap(({ title, flood }) => {
        const counts = (what: 'rows' | 'live'): Row =>
          all.map((minute) => sampleAfter(flood, minute)?.[what] ?? '')
        return [
          [`${title}, rows`, ...counts('rows')],
          [`${title}, live`, ...counts('live')],
        ]
      }),
    },
    {
      title: 'What a flood costs, ms',
      columns: [
        ...['', 'new sessions a second', 'find p50 before', 'during', 'p99 before', 'during'],
        ...['longest block before', 'during', 'of an idle process meanwhile', 'load'],
      ],
      rows: floods.map(({ title, flood }) => {
        const { samples, served, idle, load } = flood
        const last = samples.at(-1)
        const times = [...served.p50, ...served.p99, ...served.longestBlock, idle.longestBlock]
        return [
          title,
          Math.round((last?.inserted ?? 0) / (last?.second ?? 1)),
          ...times.map(rounded),
          load.map(([one = 0]) => rounded(one)).join(' to '),
        ]
      }),
    },
    {
      title: 'Bytes of a session of 100 B, with its indexes',
      columns: ['', 'bytes'],
      rows: Object.entries(bytes).map(([title, count]) => [title, Math.round(count)]),
    },
    {
      title:
        'For how long the cleanup stops the event loop at a time, and what the machine does, ms',
      columns: ['', 'times', 'p50', 'p99', 'p99.9', 'longest'],
      rows: floods.flatMap(({ title, flood: { served, idle } }) => {
        if (!served.steps) return []
        const times = ({ p50, p99, p999, longest }: Idle['sum']) =>
          [p50, p99, p999, longest].map(rounded)
        return [
          [title, served.steps.count, ...times(served.steps)],
          ['a sum in an idle process meanwhile', '', ...times(idle.sum)],
          ['4 KB to the disk meanwhile', '', ...times(idle.write)],
        ]
      }),
    },
  ]
}

function mostRows({ samples }: Flood): number {
  return Math.max(...samples.map(({ rows, live }) => rows / live))
}

function sampleAfter({ samples }: Flood, minutes: number): Flood['samples'][number] | undefined {
  return samples.findLast(({ second }) => second <= 60 * minutes + 1)
}
