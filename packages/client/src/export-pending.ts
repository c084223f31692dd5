import { PROTOCOL_VERSION, type Domain, type Principal } from '@tidemark/core'
import { toPushed } from './queue.ts'
import type { PendingRecord } from './records.ts'
import type { PendingExport } from './tidemark-client.ts'

/** Pending commands as they would be sent: what is in a file can be given back to any device of the same person. */
export function toExport(
  domain: Pick<Domain, 'name'>,
  principal: Principal,
  commands: readonly PendingRecord[],
  now: number,
): PendingExport {
  return {
    format: 'tidemark-pending',
    protocol: PROTOCOL_VERSION,
    domain: domain.name,
    tenant: principal.tenant,
    principal: principal.id,
    exportedAt: new Date(now).toISOString(),
    commands: commands.map(toPushed),
  }
}
