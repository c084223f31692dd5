import type { DeviceOf, SeenDevice } from '../devices.ts'
import type { Driver } from '../driver.ts'
import { oneTenant } from './one-tenant.ts'

/** A scan of one principal's devices, a hundred at most, by primary key. */
export async function unsentElsewhere(sql: Driver, input: DeviceOf): Promise<readonly SeenDevice[]> {
  return sql.query<SeenDevice>(
    `select device, unsent, seen_at as "seenAt" from tidemark.devices
      where tenant = ${oneTenant('$1')} and principal = $2 and device <> $3 and unsent > 0
      order by seen_at desc, device limit 20`,
    [input.tenant, input.principal, input.device],
  )
}
