import type { Driver } from './driver.ts'
import { noteDevice } from './statements/note-device.ts'
import { unsentElsewhere } from './statements/unsent-elsewhere.ts'

/** An installation of the client, as it was last heard of. */
export interface SeenDevice {
  /** A UUID. */
  readonly device: string
  /** Commands on it that the server had neither accepted nor refused. */
  readonly unsent: number
  /** ISO 8601, UTC. */
  readonly seenAt: string
}

/** What installations have said of themselves, by principal. */
export interface Devices {
  /** It is here, with so many unsent commands. @throws DatabaseError */
  note(seen: DeviceOf & { readonly unsent: number }): Promise<void>
  /** The principal's others that had unsent work, the newest first, 20 at most. @throws DatabaseError */
  unsentElsewhere(than: DeviceOf): Promise<readonly SeenDevice[]>
}

export interface DeviceOf {
  readonly tenant: string
  readonly principal: string
  readonly device: string
}

/** Those of the store whose driver this is (`tenantSql`). */
export function createDevices(sql: Driver): Devices {
  return {
    note: (seen) => noteDevice(sql, seen),
    unsentElsewhere: (than) => unsentElsewhere(sql, than),
  }
}
