import type { Domain } from '@tidemark/core'
import { rowsTouchedBy } from './overlay.ts'
import type { PendingRecord } from './records.ts'

/**
 * A pending command with the fields that its indexes need, as they follow from the rest of it. Rows that have its
 * stream for their key are not listed: those commands are found by their stream. Pure; the same object where nothing
 * is to be changed.
 */
export function withDerived(domain: Domain, command: PendingRecord): PendingRecord {
  const touches = rowsTouchedBy(domain, command)
    .filter(({ key }) => key !== command.stream)
    .map(({ projection, key }) => [projection.name, key] as const)
  const isAside = command.attention !== null
  const doubt = !isAside && command.prediction.kind === 'no-longer-holds' ? command.seq : undefined
  const waits = command.answer === null ? undefined : isAside ? -1 : (command.answeredAt ?? 0)
  const isFitting =
    command.doubt === doubt &&
    command.waits === waits &&
    JSON.stringify(command.touches ?? []) === JSON.stringify(touches)
  if (isFitting) return command
  const { touches: _touches, doubt: _doubt, waits: _waits, ...plain } = command
  return {
    ...plain,
    ...(touches.length === 0 ? {} : { touches }),
    ...(doubt === undefined ? {} : { doubt }),
    ...(waits === undefined ? {} : { waits }),
  }
}
