import type { Alert } from '@tidemark/projections'
import type { Logger } from '@tidemark/server'

/** What the projections want a person to know, in the log: kinds, places and counts, never keys or what people typed. */
export function logAlert(logger: Logger, alert: Alert): void {
  const { lane } = alert
  switch (alert.kind) {
    case 'parked': {
      const { projection, events, first } = alert
      const { position, type } = first
      const message = 'events were set aside: tidemark parked list shows them, retry or edit mends them'
      return logger.warn(message, { lane, projection, events, position, type })
    }
    case 'breaker-opened': {
      const { cause, openings, retryInMs } = alert
      const message = 'a projection fails on nearly every event, and its lane waits for better code'
      return logger.error(message, { lane, projection: cause.projection, openings, retryInMs })
    }
    case 'breaker-closed':
      return logger.info('the projection folds again', { lane })
    case 'blocked':
      return logger.error('the rows of a lane stand still until other code runs', { lane, reason: alert.reason })
    case 'unblocked':
      return logger.info('the rows of a lane move again', { lane })
    case 'overloaded':
      return logger.warn('rows are too far behind: commands are sent away for a while', { lane, events: alert.events })
    case 'relieved':
      return logger.info('rows have caught up: commands are welcome again', { lane })
    case 'failing':
      return logger.error('projections cannot work, and go on trying', { lane, failures: alert.failures })
    case 'recovered':
      return logger.info('projections work again', { lane })
  }
}
