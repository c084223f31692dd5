import type { Driver } from '@tidemark/store'
import { toBuildPart } from '../build-part.ts'
import type { BuildFacts, BuildPlace, BuildPurpose } from '../next-build-step.ts'

export type BuildState = 'running' | 'paused' | 'held' | 'done' | 'cancelled'

/** A build that is under way in a lane. */
export interface StoredBuild extends BuildFacts {
  readonly id: number
  readonly lane: number
  readonly name: string
  readonly version: number
  readonly state: BuildState
  readonly parts: number
  /** Most of its time that a process spends on it, of 1. */
  readonly share: number
  readonly acceptParked: boolean
  /** Fingerprint of the code that folds it, `null` before it has begun. */
  readonly definition: string | null
  /** The generation that it would take the place of, `null` where none of that name is live. */
  readonly live: number | null
}

interface Found extends Omit<StoredBuild, 'place' | 'running'> {
  readonly places: readonly (readonly [consumer: string, position: number])[] | null
}

/**
 * The builds that are under way, of all lanes or of one version in one lane. A version that no worker has begun to build
 * yet has the settings that it will get.
 */
export async function readBuilds(
  sql: Driver,
  only?: { readonly lane: number; readonly id: number },
): Promise<readonly StoredBuild[]> {
  const found = await sql.query<Found>(
    `select l.projection as id, l.lane, l.definition, n.name, n.version, coalesce(b.purpose, 'release') as purpose,
            case when b.state in ('paused', 'held') then b.state else 'running' end as state, coalesce(b.parts, 1) as parts,
            coalesce(b.share, 1)::float8 as share, coalesce(b.goal, 0) as goal, coalesce(b.whole_until, 0) as "wholeUntil",
            coalesce(b.compared, -1) as compared, coalesce(b.announced, 0) as announced,
            coalesce(b.accept_parked, false) as "acceptParked", coalesce(s.position, 0) as synced, live.id as live,
            b.result is not null as judged,
            exists (select from tidemark.projections o where o.id = live.id and o.version = n.version) as "sameVersionLive",
            (select json_agg(json_build_array(c.consumer, c.position)) from tidemark.checkpoints c
              where c.lane = l.lane and (c.consumer = 'build:' || l.projection or c.consumer like 'build:' || l.projection || ':%'))
              as places
       from tidemark.projection_lanes l
       join tidemark.projections n on n.id = l.projection
       left join tidemark.builds b on b.projection = l.projection and b.lane = l.lane
       left join tidemark.checkpoints s on s.consumer = 'synced' and s.lane = l.lane
      cross join lateral (select tidemark.replaced_by_build(l.lane, l.projection) as id) as live
      where l.state = 'building' and ($1::integer is null or l.lane = $1) and ($2::integer is null or l.projection = $2)
      order by l.lane, l.projection`,
    [only?.lane ?? null, only?.id ?? null],
  )
  return found.map(({ places, ...build }) => ({
    ...build,
    running: build.state === 'running',
    place: toPlace(places ?? []),
  }))
}

function toPlace(places: readonly (readonly [string, number])[]): BuildPlace {
  const parts = places.flatMap(([consumer, at]) => {
    const part = toBuildPart(consumer)
    return part === undefined ? [] : [{ ...part, at }]
  })
  const [whole] = places
  if (parts.length > 0) return { kind: 'parts', parts }
  return whole === undefined ? { kind: 'nowhere' } : { kind: 'whole', at: whole[1] }
}

interface At {
  readonly lane: number
  readonly id: number
}

const DEADLINE_MS = 60_000

/** From one checkpoint to one for each key range. `false` where it is not there any more, or cannot be split. */
export async function splitBuild(
  sql: Driver,
  input: At & { readonly at: number; readonly goal: number; readonly fence: number },
): Promise<boolean> {
  const { lane, id, at, goal, fence } = input
  return answer(sql, 'tidemark.split_build($1, $2, $3, $4, $5)', [lane, id, at, goal, fence])
}

export async function mergeBuild(sql: Driver, input: At & { readonly fence: number }): Promise<boolean> {
  return answer(sql, 'tidemark.merge_build($1, $2, $3)', [input.lane, input.id, input.fence])
}

/** From here up to `until` the build is to be folded whole. */
export async function barBuild(sql: Driver, input: At & { readonly until: number }): Promise<void> {
  await sql.query(
    `update tidemark.builds set whole_until = greatest(whole_until, $3::bigint) where lane = $1 and projection = $2`,
    [input.lane, input.id, input.until],
  )
}

/** Begins a build again, to be folded whole all the way: something in it cannot be told apart in parts. */
export async function restartWhole(sql: Driver, input: At): Promise<void> {
  await barBuild(sql, { ...input, until: Number.MAX_SAFE_INTEGER })
  await sql.query(
    `delete from tidemark.checkpoints
      where lane = $1 and (consumer = 'build:' || $2::integer or consumer like 'build:' || $2::integer || ':%')`,
    [input.lane, input.id],
  )
}

/** Notes the keys of which a build holds something else, and up to where both are folded; see the SQL function. */
export async function compareBuild(sql: Driver, input: At & { readonly live: number }): Promise<void> {
  await sql.query(
    'update tidemark.builds set compared = coalesce(tidemark.compare_build($1, $3, $2), -1) where lane = $1 and projection = $2',
    [input.lane, input.id, input.live],
    { deadlineMs: DEADLINE_MS },
  )
}

/**
 * What a trial found: the rows of both, where both stood at `position`. The hashes are equal where all rows are, with their
 * keys, scopes and positions.
 */
export interface Comparison {
  readonly position: number
  readonly differences: number
  readonly liveRows: number
  readonly rebuiltRows: number
  readonly liveHash: string
  readonly rebuiltHash: string
}

/** After the lane has judged the trial; nothing folds it any more. */
export async function readComparison(sql: Driver, input: At): Promise<Comparison> {
  const [found] = await sql.query<Comparison>(
    `select (b.result ->> 'position')::bigint as position, (b.result ->> 'differences')::bigint as differences,
            s.n + (b.result ->> 'rows')::bigint as "liveRows", s.n as "rebuiltRows",
            md5((s.a + (b.result ->> 'a')::numeric)::text || '/' || (s.b + (b.result ->> 'b')::numeric)) as "liveHash",
            md5(s.a || '/' || s.b) as "rebuiltHash"
       from tidemark.builds b cross join lateral tidemark.sum_rows(b.lane, b.projection) as s
      where b.lane = $1 and b.projection = $2`,
    [input.lane, input.id],
    { deadlineMs: DEADLINE_MS },
  )
  if (found === undefined) throw new Error('A trial that was judged is not there.')
  return found
}

/** A key of which a build holds something else: other content, a row the live ones lack, or no row. */
export interface KeyDifference {
  readonly tenant: string
  readonly key: string
  readonly kind: 'different' | 'only-rebuilt' | 'only-live'
}

export async function readDifferences(sql: Driver, input: At & { readonly limit: number }): Promise<KeyDifference[]> {
  const found = await sql.query<KeyDifference>(
    `select tenant, key, case kind when 'row' then 'different' when 'extra' then 'only-rebuilt' else 'only-live' end as kind
       from tidemark.build_differences
      where lane = $1 and projection = $2 and kind <> 'feed' order by tenant, key limit $3`,
    [input.lane, input.id, input.limit],
  )
  return [...found]
}

export async function noteAnnounced(sql: Driver, input: At & { readonly position: number }): Promise<void> {
  await sql.query(
    'update tidemark.builds set announced = greatest(announced, $3::bigint) where lane = $1 and projection = $2',
    [input.lane, input.id, input.position],
  )
}

/** `held` waits for a person; `detail` says for what. */
export async function setBuildState(
  sql: Driver,
  input: At & {
    readonly from: readonly BuildState[]
    readonly to: BuildState
    readonly detail: string | null
    /** From now on it may go live with more parked keys than the live rows have. */
    readonly acceptParked?: boolean
  },
): Promise<boolean> {
  const found = await sql.query(
    // The rate begins anew.
    `update tidemark.builds b
        set state = $4, detail = $5, accept_parked = accept_parked or $6, begun_at = clock_timestamp(),
            begun_position = coalesce((select min(c.position) from tidemark.checkpoints c
                                        where c.lane = b.lane and (c.consumer = 'build:' || b.projection
                                              or c.consumer like 'build:' || b.projection || ':%')), 0)
      where lane = $1 and projection = $2 and state = any (string_to_array($3, ','))
      returning 1 as one`,
    [input.lane, input.id, input.from.join(','), input.to, input.detail, input.acceptParked ?? false],
  )
  return found.length > 0
}

export interface BuildRequest {
  /** From the first event on, whatever there is to begin from. */
  readonly fromStart: boolean
  readonly parts: number
  readonly share: number
  readonly acceptParked: boolean
  readonly principal: string
}

/** Asks for a build beside live rows; see the SQL function. */
export async function requestBuild(
  sql: Driver,
  input: BuildRequest & {
    readonly lane: number
    readonly live: number
    /** The generation, `null` for one that is free. */
    readonly id: number | null
    readonly purpose: Extract<BuildPurpose, 'rebuild' | 'trial'>
  },
): Promise<{ readonly kind: 'requested' | 'exists' | 'gone'; readonly id: number | null }> {
  const [found] = await sql.query<{ kind: 'requested' | 'exists' | 'gone'; id: number | null }>(
    'select kind, projection as id from tidemark.request_build($1, $2, $3, $4, $5, $6, $7, $8, $9)',
    [
      input.lane,
      input.live,
      input.id,
      input.purpose,
      input.parts,
      input.share,
      input.acceptParked,
      input.principal,
      input.fromStart,
    ],
    { deadlineMs: DEADLINE_MS },
  )
  if (found === undefined) throw new Error('tidemark.request_build returned no row.')
  return found
}

/** Asks for the way back to what a live version took the place of. */
export async function requestRollback(
  sql: Driver,
  input: { readonly lane: number; readonly live: number; readonly share: number; readonly principal: string },
): Promise<{ readonly kind: 'requested' | 'exists' | 'nothing'; readonly id: number | null }> {
  const [found] = await sql.query<{ kind: 'requested' | 'exists' | 'nothing'; id: number | null }>(
    'select kind, projection as id from tidemark.request_rollback($1, $2, $3, $4)',
    [input.lane, input.live, input.share, input.principal],
  )
  if (found === undefined) throw new Error('tidemark.request_rollback returned no row.')
  return found
}

/** Ends a build with all that it has made. `false` where there is none. */
export async function endBuild(
  sql: Driver,
  input: At & { readonly state: 'done' | 'cancelled'; readonly result: object | null },
): Promise<boolean> {
  const result = input.result === null ? null : JSON.stringify(input.result)
  return answer(sql, 'tidemark.end_build($1, $2, $3, $4::text::jsonb)', [input.lane, input.id, input.state, result])
}

/** Makes a version live of which no rows are; see the SQL function. */
export async function switchLive(sql: Driver, input: At): Promise<'live' | 'behind' | 'taken' | 'gone'> {
  return answer(sql, 'tidemark.switch_live($1, $2)', [input.lane, input.id])
}

/** What a function of the database says. */
export async function answer<T>(
  sql: Driver,
  call: string,
  parameters: readonly (string | number | null)[],
): Promise<T> {
  const [found] = await sql.query<{ answer: T }>(`select ${call} as answer`, parameters, { deadlineMs: DEADLINE_MS })
  if (found === undefined) throw new Error(`${call} returned no row.`)
  return found.answer
}
