import type { SqlAlert } from '@tidemark/projections'
import { expect, test } from 'vitest'
import { logReportAlert } from './log-report-alert.ts'

const of = { projection: 'sql:daily-revenue', version: 2, lane: 1 } as const
const first = {
  tenant: 'acme',
  stream: 'order/secret',
  position: 7,
  type: 'order.placed',
  reason: 'failed',
  error: 'no customer "Jane Doe"',
} as const

test.each<readonly [SqlAlert, string]>([
  [{ kind: 'parked', ...of, events: 3, first }, 'warn'],
  [{ kind: 'blocked', ...of, reason: 'newer-schema', detail: 'Event of "Jane Doe"' }, 'error'],
  [{ kind: 'unblocked', ...of }, 'info'],
  [{ kind: 'failing', ...of, failures: 5, message: 'value "Jane Doe"' }, 'error'],
  [{ kind: 'recovered', ...of }, 'info'],
  [{ kind: 'code-changed', projection: of.projection, version: 2 }, 'warn'],
])('%j is one line at its level that says where, and nothing that people typed', (alert, level) => {
  const lines: string[] = []
  const at = (name: string) => (message: string, fields?: object) =>
    void lines.push(`${name} ${message} ${JSON.stringify(fields)}`)
  logReportAlert({ info: at('info'), warn: at('warn'), error: at('error') }, alert)
  expect(lines).toHaveLength(1)
  expect(lines[0]).toContain(`${level} `)
  expect(lines[0]).toContain('"projection":"sql:daily-revenue","version":2')
  expect(lines[0]).not.toMatch(/Jane|secret/)
})
