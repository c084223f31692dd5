import type { Driver } from '@tidemark/store'
import type { BuildOrigin, FormerFacts, SnapshotFacts } from '../choose-origin.ts'
import { answer } from './builds.ts'
import type { CopyPlace } from './projection-snapshots.ts'

interface At {
  readonly lane: number
  readonly id: number
}

export type BuildLook = 'more' | 'cleared' | 'filling' | 'there' | 'gone' | 'foreign'

/** Looks at a build before it is worked on; see the SQL function. */
export async function lookAtBuild(
  sql: Driver,
  /** `removals`: so many of an earlier life's rows are taken away at most; then the answer is `more`. */
  input: At & { readonly definition: string; readonly code: string | null; readonly removals: number },
): Promise<BuildLook> {
  const { lane, id, definition, code, removals } = input
  return answer(sql, 'tidemark.look_at_build($1, $2, $3, $4, $5)', [lane, id, definition, code, removals])
}

/** What is there to begin a build from. */
export async function readOrigins(
  sql: Driver,
  input: At & {
    /** The version that this one upgrades, and what says where its own rows stand. */
    readonly former: { readonly version: number; readonly placement: string } | undefined
  },
): Promise<{
  readonly fromStart: boolean
  readonly synced: number
  readonly snapshots: readonly SnapshotFacts[]
  readonly former: FormerFacts | undefined
  readonly refused: string | undefined
}> {
  const { lane, id, former } = input
  const [found] = await sql.query<{
    fromStart: boolean
    synced: number
    snapshots: readonly SnapshotFacts[] | null
    former: (Omit<FormerFacts, 'samePlacement'> & { readonly placement: string | null }) | null
    refused: string | null
  }>(
    `select b.from_start as "fromStart", c.position as synced, b.origin_note as refused,
            (select json_agg(json_build_object('id', s.id, 'position', s.position, 'definition', s.definition,
                             'sameEpoch', s.epoch = (select l.epoch from tidemark.log l),
                             'outdated', tidemark.is_outdated(s.lane, n.name, s.position)))
               from tidemark.projection_snapshots s join tidemark.projections o on o.id = s.projection
              where s.lane = $1 and s.state = 'ready' and o.name = n.name and o.version = n.version) as snapshots,
            (select json_build_object('id', f.id, 'position', f.position, 'placement', f.placement,
                                      'outdated', tidemark.is_outdated($1, n.name, f.position))
               from (select l.projection as id, o.placement,
                            case when l.state = 'live' then c.position else l.since end as position
                       from tidemark.projections o join tidemark.projection_lanes l on l.projection = o.id and l.lane = $1
                      where o.name = n.name and o.version = $3::integer and l.state in ('live', 'retired')
                      order by l.state = 'live' desc, l.since desc limit 1) as f
              where f.position > 0) as former
       from tidemark.builds b
       join tidemark.projections n on n.id = b.projection
       join tidemark.checkpoints c on c.consumer = 'synced' and c.lane = b.lane
      where b.lane = $1 and b.projection = $2`,
    [lane, id, former?.version ?? null],
  )
  if (found === undefined) throw new Error('A build that was looked at is not there.')
  const { placement, ...facts } = found.former ?? { placement: null }
  const known = placement === null || placement === '' ? undefined : placement
  return {
    fromStart: found.fromStart,
    synced: found.synced,
    snapshots: found.snapshots ?? [],
    former:
      found.former === null
        ? undefined
        : { ...(facts as FormerFacts), samePlacement: known === undefined ? undefined : known === former?.placement },
    refused: found.refused ?? undefined,
  }
}

/** Begins a build that was cleared; see the SQL function. */
export async function beginBuildFrom(
  sql: Driver,
  input: At & {
    readonly definition: string
    readonly origin: BuildOrigin
    readonly note: string | undefined
    readonly code: string | null
  },
): Promise<'begun' | 'filling' | 'again'> {
  const { lane, id, definition, origin, note, code } = input
  const from = origin.kind === 'log' ? null : origin.id
  return answer(sql, 'tidemark.begin_build_from($1, $2, $3, $4, $5, $6, $7)', [
    lane,
    id,
    definition,
    origin.kind,
    from,
    note ?? null,
    code,
  ])
}

/** A build that is being filled, and up to which key. */
export interface Fill extends CopyPlace {
  readonly fill: string
  readonly origin: 'snapshot' | 'former'
  readonly originId: number
}

/** `undefined` where it is not being filled. */
export async function readFill(sql: Driver, { lane, id }: At): Promise<Fill | undefined> {
  const [found] = await sql.query<Fill>(
    `select fill, origin, origin_id as "originId", filled_tenant as tenant, filled_key as key
       from tidemark.builds where lane = $1 and projection = $2 and fill is not null`,
    [lane, id],
  )
  return found
}

export async function fillFromSnapshot(
  sql: Driver,
  input: At & { readonly fill: string; readonly after: CopyPlace },
): Promise<CopyPlace & { readonly kind: 'more' | 'all' | 'damaged' | 'gone' }> {
  const { lane, id, fill, after } = input
  const [found] = await sql.query<CopyPlace & { readonly kind: 'more' | 'all' | 'damaged' | 'gone' }>(
    'select kind, tenant, key from tidemark.fill_from_snapshot($1, $2, $3, $4, $5)',
    [lane, id, fill, after.tenant, after.key],
  )
  if (found === undefined) throw new Error('tidemark.fill_from_snapshot returned no row.')
  return found
}

/** The next keys of a generation with all that is stored of each, one portion for each tenant. */
export async function readPortions(
  sql: Driver,
  input: At & { readonly after: CopyPlace; readonly limit: number },
): Promise<
  readonly { readonly tenant: string; readonly lastKey: string; readonly keys: number; readonly body: string }[]
> {
  const { lane, id, after, limit } = input
  return sql.query<{ tenant: string; lastKey: string; keys: number; body: string }>(
    'select tenant, last_key as "lastKey", keys, body from tidemark.read_portion($1, $2, $3, $4, $5)',
    [lane, id, after.tenant, after.key, limit],
  )
}

/** `false` where it is not what is to be done now. */
export async function fillFromFormer(
  sql: Driver,
  input: At & {
    readonly fill: string
    readonly after: CopyPlace
    readonly tenant: string
    readonly lastKey: string
    readonly body: string
  },
): Promise<boolean> {
  const { lane, id, fill, after, tenant, lastKey, body } = input
  return answer(sql, 'tidemark.fill_from_former($1, $2, $3, $4, $5, $6, $7, $8)', [
    lane,
    id,
    fill,
    after.tenant,
    after.key,
    tenant,
    lastKey,
    body,
  ])
}

export async function endFill(sql: Driver, input: At & { readonly fill: string }): Promise<'filled' | 'void'> {
  return answer(sql, 'tidemark.end_fill($1, $2, $3)', [input.lane, input.id, input.fill])
}

/** Former rows cannot be mapped: the build begins again, from the log. */
export async function refuseFormer(sql: Driver, input: At & { readonly note: string }): Promise<void> {
  await sql.query(
    'update tidemark.builds set fill = null, origin_note = $3 where lane = $1 and projection = $2 and fill is not null',
    [input.lane, input.id, input.note],
  )
}
