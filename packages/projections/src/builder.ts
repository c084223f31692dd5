import { createAlarm } from './alarm.ts'
import { definitionOf } from './definition.ts'
import type { LaneBlock } from './lane-worker.ts'
import { backOffMs } from './pacing.ts'
import type { RegisteredProjection } from './registered-projection.ts'
import { createBuildWork, type BuildRunOptions } from './run-build.ts'
import { readBuilds } from './statements/builds.ts'

export interface BuilderOptions extends Omit<BuildRunOptions, 'lane' | 'member' | 'definition' | 'stopping'> {
  readonly own: readonly RegisteredProjection[]
  readonly pollMs: number
  readonly onError: (error: unknown) => void
  /** Something about a lane's versions is different now. */
  readonly onSwitch: (lane: number) => void
  /** In [0, 1). */
  readonly random: () => number
}

/** One process's work on builds, beside its work on live rows. */
export interface Builder {
  /** There may be a build to begin. */
  wake(): void
  /** Why a build in the lane stands still although everything works. */
  blockOf(lane: number): LaneBlock | undefined
  /** Resolves when what is in flight is done. */
  stop(): Promise<void>
}

/** Builds are looked for this much less often than events. */
const FIND_POLLS = 4
/** What unblocks a build is a release. */
const BLOCKED_POLLS = 4

/** Works on the builds of all lanes that this code can fold, until it is stopped. It never ends by itself. */
export function startBuilder(options: BuilderOptions): Builder {
  const { sql, own, pollMs } = options
  const ending = createAlarm()
  const finding = createAlarm()
  const works = new Map<string, { readonly wake: () => void; readonly ended: Promise<void> }>()
  const blocks = new Map<string, { readonly lane: number; readonly block: LaneBlock }>()
  const stopped = { is: false }
  const byVersion = new Map(own.map(({ projection }) => [`${projection.name}@${projection.version}`, projection]))

  const work = async (
    name: string,
    lane: number,
    member: RegisteredProjection,
    alarm: ReturnType<typeof createAlarm>,
  ) => {
    const running = createBuildWork({
      ...options,
      lane,
      member,
      definition: definitionOf(member.projection),
      stopping: () => stopped.is,
    })
    let failures = 0
    while (!stopped.is) {
      try {
        const step = await running.step()
        failures = 0
        if (step.kind === 'blocked') blocks.set(name, { lane, block: step.block })
        else blocks.delete(name)
        if (step.kind === 'over') {
          options.onSwitch(lane)
          break
        }
        if (step.kind !== 'more') await alarm.wait(step.kind === 'blocked' ? pollMs * BLOCKED_POLLS : pollMs)
      } catch (error) {
        failures += 1
        options.onError(error)
        await alarm.wait(backOffMs(failures, options.random()))
      }
    }
    blocks.delete(name)
    await running.close()
  }

  const find = async (): Promise<void> => {
    for (const { id, lane, name, version } of await readBuilds(sql)) {
      const projection = byVersion.get(`${name}@${version}`)
      const known = `${lane}/${id}`
      if (projection === undefined || works.has(known) || stopped.is) continue
      const alarm = createAlarm()
      const ended = work(known, lane, { id, projection }, alarm).finally(() => works.delete(known))
      works.set(known, { wake: alarm.ring, ended })
    }
  }

  const loop = async (): Promise<void> => {
    while (!stopped.is) {
      try {
        await find()
        await finding.wait(pollMs * FIND_POLLS)
      } catch (error) {
        options.onError(error)
        await ending.wait(pollMs * FIND_POLLS)
      }
    }
    await Promise.all([...works.values()].map(({ ended }) => ended))
  }
  const ended = loop()

  return {
    wake: () => {
      finding.ring()
      for (const { wake } of works.values()) wake()
    },
    blockOf: (lane) => [...blocks.values()].find((at) => at.lane === lane)?.block,
    stop: () => {
      stopped.is = true
      ending.ring()
      finding.ring()
      for (const { wake } of works.values()) wake()
      return ended
    },
  }
}
