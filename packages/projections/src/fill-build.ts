import type { Driver } from '@tidemark/store'
import { chooseOrigin } from './choose-origin.ts'
import type { FoldPace } from './fold-pace.ts'
import { mapFormerRows } from './map-former-rows.ts'
import { FIRST_PORTION, nextPortion } from './portion-size.ts'
import { fingerprintOf, placementOf } from './definition.ts'
import type { RegisteredProjection } from './registered-projection.ts'
import type { RunGuarded } from './run-guarded.ts'
import {
  beginBuildFrom,
  endFill,
  fillFromFormer,
  fillFromSnapshot,
  lookAtBuild,
  readFill,
  readOrigins,
  readPortions,
  refuseFormer,
  type Fill,
} from './statements/build-origin.ts'
import type { BuildPurpose } from './next-build-step.ts'

/** `begun`: nothing is stored of it yet. */
export type Opened = 'more' | 'begun' | 'there' | 'gone' | 'foreign'

/**
 * Brings a build to where its folding begins: clears what an earlier life left, chooses what it begins from, and fills it
 * with those rows, portion by portion. A crash leaves it at the last portion, from where any process goes on.
 */
export interface BuildOpener {
  /** Works for a moment. Anything but `more` is where it is now. */
  open(purpose: BuildPurpose): Promise<Opened>
}

export function createBuildOpener(options: {
  readonly sql: Driver
  readonly lane: number
  readonly member: RegisteredProjection
  readonly definition: string
  readonly runGuarded: RunGuarded
  readonly pace: FoldPace
  readonly clock: () => number
  readonly stopping: () => boolean
}): BuildOpener {
  const { sql, lane, member, definition, runGuarded, pace, clock, stopping } = options
  const { id, projection } = member
  const at = { lane, id }
  const { upgrade } = projection
  const code = upgrade === undefined ? null : fingerprintOf(String(upgrade.row))
  let keys = FIRST_PORTION

  const begin = async (purpose: BuildPurpose): Promise<Opened> => {
    const placement = placementOf(projection)
    const former = upgrade && placement !== undefined ? { version: upgrade.from, placement } : undefined
    const { origin, note } = chooseOrigin({ ...(await readOrigins(sql, { ...at, former })), purpose, definition })
    const begun = await beginBuildFrom(sql, { ...at, definition, origin, note, code })
    return begun === 'begun' ? 'begun' : 'more'
  }

  /** Writes the next portion. Where the filling is then, `undefined` where it is over. */
  const fillOnce = async (fill: Fill): Promise<Fill | undefined> => {
    if (fill.origin === 'snapshot') {
      const { kind, tenant, key } = await fillFromSnapshot(sql, { ...at, fill: fill.fill, after: fill })
      if (kind === 'all') await endFill(sql, { ...at, fill: fill.fill })
      return kind === 'more' ? { ...fill, tenant, key } : undefined
    }
    const portions = await readPortions(sql, {
      lane,
      id: fill.originId,
      after: fill,
      limit: Math.min(keys, pace.pieces().keys),
    })
    if (portions.length === 0) {
      await endFill(sql, { ...at, fill: fill.fill })
      return undefined
    }
    let after = fill
    for (const { tenant, lastKey, body } of portions) {
      const mapped = runGuarded(() => mapFormerRows(projection, body))
      const value = mapped.kind === 'failed' ? { kind: 'refused' as const, note: mapped.message } : mapped.value
      if (value.kind === 'refused') {
        await refuseFormer(sql, { ...at, note: value.note })
        return undefined
      }
      const portion = { tenant, lastKey, body: value.body }
      if (!(await fillFromFormer(sql, { ...at, fill: fill.fill, after, ...portion }))) return undefined
      after = { ...after, tenant, key: lastKey }
    }
    keys = nextPortion(
      {
        keys: portions.reduce((sum, portion) => sum + portion.keys, 0),
        length: portions.reduce((sum, portion) => sum + portion.body.length, 0),
      },
      pace.pieces().keys,
    )
    return after
  }

  return {
    open: async (purpose) => {
      await pace.probe()
      const { removals } = pace.pieces()
      const look = await lookAtBuild(sql, { ...at, definition, code, removals })
      await pace.breathe()
      if (look === 'cleared') return begin(purpose)
      if (look !== 'filling') return look
      const until = clock() + WORK_MS
      let fill = await readFill(sql, at)
      while (fill !== undefined && clock() < until && !stopping()) {
        fill = await fillOnce(fill)
        await pace.breathe()
        await pace.probe()
      }
      // Whether it is filled, the next look tells.
      return 'more'
    },
  }
}

/** For so long at a time: the lease is to be renewed, and a person may have paused it. */
const WORK_MS = 500
