import type { OtherInstallation, Principal } from '@tidemark/core'
import type { Devices } from '@tidemark/store'
import { LRUCache } from 'lru-cache'
import { errorFields, type Logger } from '../logger.ts'

/** Keeps what devices say of their unsent work, for the day one of them has forgotten everything. */
export interface DeviceNotes {
  /** The device is here. Returns at once: no answer waits for a note, and one that fails is written with the next. */
  seen(principal: Principal, device: string, unsent: number): void
  /** The principal's other installations that had unsent work. */
  elsewhere(principal: Principal, device: string): Promise<readonly OtherInstallation[]>
  /** Resolves when what was seen is written, or has failed. */
  written(): Promise<void>
}

/** A device whose count has not changed is noted again after so long. */
const AGAIN_MS = 60_000
const MAX_DEVICES = 50_000

interface Seen {
  unsent: number
  /** What is stored, as far as this process knows. */
  stored: { readonly unsent: number; readonly at: number } | undefined
  writing: boolean
}

export function createDeviceNotes(options: {
  readonly devices: Devices
  readonly now: () => number
  readonly logger: Logger
}): DeviceNotes {
  const { devices, now, logger } = options
  const known = new LRUCache<string, Seen>({ max: MAX_DEVICES })
  const underWay = new Set<Promise<void>>()

  /** One write of a device at a time, or an older count might come last. */
  const write = async (principal: Principal, device: string, seen: Seen): Promise<void> => {
    seen.writing = true
    try {
      while (seen.stored?.unsent !== seen.unsent || now() - seen.stored.at >= AGAIN_MS) {
        const { unsent } = seen
        await devices.note({ tenant: principal.tenant, principal: principal.id, device, unsent })
        seen.stored = { unsent, at: now() }
      }
    } catch (error) {
      seen.stored = undefined
      logger.warn('what a device has unsent could not be noted', errorFields(error))
    } finally {
      seen.writing = false
    }
  }

  return {
    seen: (principal, device, unsent) => {
      const key = `${principal.tenant}\n${principal.id}\n${device}`
      const seen = known.get(key) ?? { unsent, stored: undefined, writing: false }
      seen.unsent = unsent
      known.set(key, seen)
      if (seen.writing) return
      const writing = write(principal, device, seen)
      underWay.add(writing)
      void writing.finally(() => underWay.delete(writing))
    },
    elsewhere: async ({ tenant, id }, device) => {
      const found = await devices.unsentElsewhere({ tenant, principal: id, device })
      return found.map((each) => ({ device: each.device, unsent: each.unsent, seenAt: each.seenAt }))
    },
    written: async () => {
      await Promise.all(underWay)
    },
  }
}
