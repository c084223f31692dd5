import type { Projections } from '@tidemark/projections'
import type { PostgresStore } from '@tidemark/store'
import { errorFields, type Logger } from '../logger.ts'

/** Why a server should get no new requests. */
export type NotReady =
  /** It is going away. */
  | 'draining'
  /** The database does not answer. */
  | 'database'
  /** Rows do not move on until newer code runs. */
  | 'projections-blocked'

export interface Readiness {
  check(): Promise<readonly NotReady[]>
}

/** Checks in flight are shared and kept for so long: probes must not become a load. */
const KEEP_MS = 500
const DATABASE_MS = 1_500

export function createReadiness(options: {
  readonly store: Pick<PostgresStore, 'ready'>
  readonly projections: Pick<Projections, 'lag'>
  readonly logger: Logger
  readonly now: () => number
  readonly isDraining: () => boolean
}): Readiness {
  const { store, projections, logger, now, isDraining } = options
  let last: { readonly at: number; readonly reasons: Promise<readonly NotReady[]> } | undefined

  const look = async (): Promise<readonly NotReady[]> => {
    try {
      const ready = await within(DATABASE_MS, store.ready())
      if (ready !== 'ready') return ['database']
      const lanes = await within(DATABASE_MS, projections.lag())
      return lanes.some((lane) => lane.blocked !== undefined) ? ['projections-blocked'] : []
    } catch (error) {
      logger.warn('the readiness check failed', errorFields(error))
      return ['database']
    }
  }

  return {
    check: async () => {
      if (isDraining()) return ['draining']
      if (last === undefined || now() - last.at > KEEP_MS) last = { at: now(), reasons: look() }
      return last.reasons
    },
  }
}

async function within<T>(ms: number, answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('no answer in time')), ms)
  })
  try {
    return await Promise.race([answer, late])
  } finally {
    clearTimeout(timer)
  }
}
