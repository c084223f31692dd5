import type { SqlAlert } from '@tidemark/projections'
import type { Logger } from '@tidemark/server'

/** What the reports want a person to know, in the log: kinds, places and counts, never what people typed. */
export function logReportAlert(logger: Logger, alert: SqlAlert): void {
  const { projection, version } = alert
  if (alert.kind === 'code-changed') {
    const message =
      "a report's statements have changed: raise its version, or, where they write the same, tidemark projections accept"
    return logger.warn(message, { projection, version })
  }
  const at = { lane: alert.lane, projection, version }
  switch (alert.kind) {
    case 'parked': {
      const { position, type, reason } = alert.first
      const message = 'events were set aside by a report: tidemark parked list shows them, retry or edit mends them'
      return logger.warn(message, { ...at, events: alert.events, position, type, reason })
    }
    case 'blocked':
      return logger.error('a report stands still until other code runs', { ...at, reason: alert.reason })
    case 'unblocked':
      return logger.info('a report moves again', at)
    case 'failing':
      return logger.error('a report cannot be kept up to date, and is tried again', { ...at, failures: alert.failures })
    case 'recovered':
      return logger.info('a report is kept up to date again', at)
  }
}
