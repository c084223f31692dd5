import type { Domain } from '@tidemark/core'
import type { Driver, PostgresStore } from '@tidemark/store'
import { compareLogs, type CopiedLane, type LogComparison } from './compare-logs.ts'
import { openProjections, type LaneLag } from './open-projections.ts'
import type { BuildProgress, RebuildTools } from './rebuild-tools.ts'
import { readBuilds } from './statements/builds.ts'
import { readEventAt, readIdentity } from './statements/log-identity.ts'
import { readLiveVersions } from './statements/version-status.ts'

export interface TrialOptions {
  /** Of the original: identity and ends of lanes are read from it, and nothing else. */
  readonly original: Pick<PostgresStore, 'sql'>
  /** A copy of the whole database that can be written to, opened with `migrate: false`. All work is done there. */
  readonly copy: PostgresStore
  /** The code that is tried: that of the running app, or of a release to come. */
  readonly domain: Domain
  /** How often lanes are looked at. Milliseconds, default 250. */
  readonly pollMs?: number
  readonly onError?: (error: unknown) => void
}

/** What the code makes of a copy. */
export interface Trial {
  /** How far the copy is. It is never waited for: a copy stands still. */
  readonly lanes: readonly CopiedLane[]
  /**
   * Whether all versions of the domain are live on the copy, up to its last event: those that are new are built there
   * first. `waiting` says how far that is; `blocked`, why it will not come to an end by itself.
   */
  look(): Promise<
    | { readonly kind: 'ready'; readonly released: readonly BuildProgress[] }
    | { readonly kind: 'waiting'; readonly builds: readonly BuildProgress[]; readonly lanes: readonly LaneLag[] }
    | { readonly kind: 'blocked'; readonly detail: string }
  >
  /** On the copy: `verify` compares what is there with a replay by this code. */
  readonly rebuilds: RebuildTools
  /** Ends the work on the copy. It is not to be used for anything else afterwards, nor for another trial. */
  close(): Promise<void>
}

export type TrialOpening =
  | { readonly kind: 'open'; readonly trial: Trial }
  | Extract<LogComparison, { readonly kind: 'refused' }>

/**
 * Tries code on a copy of the database: new versions are built there, and rows verified, as on the original, where nothing
 * is written and nobody waits. What was under way in the copy when it was made is ended there first.
 */
export async function openTrial(options: TrialOptions): Promise<TrialOpening> {
  const { copy, domain, pollMs, onError } = options
  const compared = await compare(options.original.sql(), copy.sql())
  if (compared.kind === 'refused') return compared

  const projections = await openProjections({
    store: copy,
    domain,
    migrate: false,
    ...(pollMs === undefined ? {} : { pollMs }),
    ...(onError === undefined ? {} : { onError }),
  })
  const { rebuilds } = projections
  const before = new Set((await readLiveVersions(copy.sql())).map(({ lane, id }) => `${lane}/${id}`))
  for (const { projection, lane, pausedBy } of await rebuilds.list()) {
    await rebuilds.cancel({ projection, lane })
    if (pausedBy !== null) await rebuilds.resumeLane(lane)
  }
  projections.start()
  const wanted = new Set(domain.projections.map(({ name, version }) => `${name}@${version}`))

  return {
    kind: 'open',
    trial: {
      lanes: compared.lanes,
      rebuilds,
      look: async () => {
        const lags = await projections.lag()
        const building = await Promise.all((await readBuilds(copy.sql())).map((build) => rebuilds.progress(build)))
        const builds = building.filter((build) => build !== undefined)
        const blocked = lags.find((lag) => lag.blocked !== undefined && lag.blocked.reason !== 'uncovered')
        if (blocked?.blocked !== undefined) return { kind: 'blocked', detail: blocked.blocked.detail }
        const live = await readLiveVersions(copy.sql())
        const here = lags.filter(({ lane, head }) => head > 0 && compared.lanes.some((at) => at.lane === lane))
        const ready = here.every(
          ({ lane, checkpoint, head }) =>
            checkpoint >= head &&
            [...wanted].every((name) =>
              live.some((at) => at.lane === lane && `${at.projection}@${at.version}` === name),
            ),
        )
        if (!ready) return { kind: 'waiting', builds, lanes: here }
        const released = await Promise.all(
          live.filter(({ lane, id }) => !before.has(`${lane}/${id}`)).map((build) => rebuilds.progress(build)),
        )
        return { kind: 'ready', released: released.filter((build) => build !== undefined) }
      },
      close: () => projections.close(),
    },
  }
}

async function compare(original: Driver, copy: Driver): Promise<LogComparison> {
  // The copy first: what comes into the original meanwhile is what the copy is behind.
  const copied = await readIdentity(copy)
  const identity = await readIdentity(original)
  const ids = new Map<string, string | null>()
  for (const { lane, head } of copied.lanes) {
    ids.set(`${lane}/${head}`, await readEventAt(original, { lane, position: head }))
  }
  return compareLogs(identity, copied, ({ lane, position }) => ids.get(`${lane}/${position}`) ?? null)
}
