import type { Alert } from '@tidemark/projections'
import type { LogFields } from '@tidemark/server'
import { expect, test } from 'vitest'
import { logAlert } from './log-alert.ts'

function logged(alert: Alert): readonly [level: string, message: string, fields: LogFields | undefined] {
  const lines: [string, string, LogFields | undefined][] = []
  const at = (level: string) => (message: string, fields?: LogFields) => void lines.push([level, message, fields])
  logAlert({ info: at('info'), warn: at('warn'), error: at('error') }, alert)
  const [line] = lines
  if (line === undefined || lines.length > 1) throw new Error(`${lines.length} lines were logged.`)
  return line
}

test('an alert is one line that says where, and nothing that people typed', () => {
  const first = {
    tenant: 'acme',
    by: 'key',
    key: 'order/secret',
    position: 7,
    type: 'order.placed',
    error: 'no customer "Jane Doe"',
  } as const
  const [level, , fields] = logged({ kind: 'parked', lane: 2, projection: 'order-list', events: 3, first })
  expect(level).toBe('warn')
  expect(fields).toEqual({ lane: 2, projection: 'order-list', events: 3, position: 7, type: 'order.placed' })
  const cause = { projection: 'order-list', tried: 100, failed: 100, error: 'no customer "Jane Doe"' }
  const opened = logged({ kind: 'breaker-opened', lane: 2, cause, openings: 1, retryInMs: 5_000 })
  expect(opened[0]).toBe('error')
  expect(JSON.stringify(opened)).not.toContain('Jane')
})

test.each<readonly [Alert, string]>([
  [{ kind: 'breaker-closed', lane: 0 }, 'info'],
  [{ kind: 'blocked', lane: 0, reason: 'newer-schema', detail: 'Event …' }, 'error'],
  [{ kind: 'unblocked', lane: 0 }, 'info'],
  [{ kind: 'overloaded', lane: 0, events: 5, seconds: 1 }, 'warn'],
  [{ kind: 'relieved', lane: 0, events: 5, seconds: 1 }, 'info'],
  [{ kind: 'failing', lane: 0, failures: 5, message: 'no database' }, 'error'],
  [{ kind: 'recovered', lane: 0 }, 'info'],
])('%j is told at its level', (alert, level) => {
  expect(logged(alert)[0]).toBe(level)
})
