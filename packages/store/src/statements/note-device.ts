import type { DeviceOf } from '../devices.ts'
import type { Driver } from '../driver.ts'

/** One update by primary key; a device that is new also makes room. */
export async function noteDevice(sql: Driver, input: DeviceOf & { readonly unsent: number }): Promise<void> {
  const { tenant, principal, device, unsent } = input
  await sql.query('select tidemark.note_device($1, $2, $3, $4)', [tenant, principal, device, unsent])
}
