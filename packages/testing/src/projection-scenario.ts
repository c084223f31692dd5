import assert from 'node:assert/strict'
import type { DomainEvent, Projection } from '@tidemark/core'

/**
 * A projection engine that a scenario is played on: {@link createMemoryHost}, or the real one on Postgres
 * (`openScenarioHost` of `@tidemark/projections/scenario-host`).
 */
export interface ProjectionHost {
  /** Stores events of a tenant, in this order. */
  append(tenant: string, events: readonly DomainEvent[]): Promise<void>
  /**
   * A new worker, which knows what is stored and nothing else, works until nothing is left. `step` is called wherever a
   * process may die; what it throws ends the worker there, and comes out.
   */
  work(options: {
    /** Most events in a batch. */
    readonly batch: number
    /** Every batch is offered once more after it was written, as by a worker that has not heard of it. */
    readonly offerTwice: boolean
    readonly step: () => void
  }): Promise<void>
  rows(tenant: string, projection: string): Promise<Readonly<Record<string, unknown>>>
}

export interface ProjectionScenario<Row> {
  readonly of: Projection<string, Row>
  /** What happened, one history per stream, as `history()` makes them; told one after the other. */
  readonly given: readonly (readonly DomainEvent[])[]
  /** Exactly these rows, by key. */
  readonly rows: Readonly<Record<string, Row>>
  /** How often the events of rows that do not concern each other change places. Default 5. */
  readonly orders?: number
}

/** How much a scenario has been put through. */
export interface Played {
  readonly orders: number
  readonly crashes: number
}

const BATCH = 3
const NO_STEP = (): void => {}

class Crash extends Error {
  override readonly name = 'Crash'
}

/**
 * Plays a scenario again and again, each time for another tenant, and expects the same rows each time: as told; with every
 * batch offered twice; in other orders, in which the events of one stream and those of one row keep theirs; and with a
 * crash at every step that a worker takes, one at a time, after which a new one goes on.
 *
 * @throws AssertionError that names the play, with what was expected and what came.
 * @example
 * await expectRowsOn(createMemoryHost(depot), { of: OrderList, given: [history(Order, '1', […])], rows: { 'order/1': … } })
 */
export async function expectRowsOn<Row>(host: ProjectionHost, scenario: ProjectionScenario<Row>): Promise<Played> {
  const told = scenario.given.flat()
  let plays = 0
  const play = async (
    name: string,
    events: readonly DomainEvent[],
    work: () => Promise<void> = () => host.work({ batch: BATCH, offerTwice: false, step: NO_STEP }),
  ): Promise<void> => {
    const tenant = `scenario-${++plays}-${scenario.of.name}`
    await host.append(tenant, events)
    await work()
    const rows = await host.rows(tenant, scenario.of.name)
    try {
      assert.deepEqual(rows, scenario.rows)
    } catch (error) {
      if (error instanceof assert.AssertionError) error.message = `${name}: ${error.message}`
      throw error
    }
  }

  await play('as told', told)
  await play('in one batch', told, () => host.work({ batch: told.length + 1, offerTwice: false, step: NO_STEP }))
  await play('with every batch offered twice', told, () => host.work({ batch: BATCH, offerTwice: true, step: NO_STEP }))
  const orders = scenario.orders ?? 5
  for (let order = 1; order <= orders; order++) await play(`in order ${order}`, reorder(scenario.of, told, order))

  let crashes = 0
  for (let at = 1; ; at++) {
    let step = 0
    let died = false
    await play(`with a crash at step ${at}`, told, async () => {
      try {
        await host.work({
          batch: BATCH,
          offerTwice: false,
          step: () => {
            step += 1
            if (step === at) throw new Crash(`at step ${at}`)
          },
        })
      } catch (error) {
        if (!(error instanceof Crash)) throw error
        died = true
      }
      await host.work({ batch: BATCH, offerTwice: false, step: NO_STEP })
    })
    if (!died) return { orders, crashes }
    crashes += 1
  }
}

/**
 * Another order of the same events, the same for the same seed, in which those of one stream and those of one row keep
 * theirs: any order that a log could have had them in, as far as the rows are concerned.
 */
export function reorder(
  of: Pick<Projection<string, unknown>, 'types' | 'key'>,
  events: readonly DomainEvent[],
  seed: number,
): readonly DomainEvent[] {
  const random = seeded(seed)
  const left = events.map((event) => ({
    event,
    marks: [`stream ${event.streamId}`, ...(of.types.has(event.type) ? [`row ${of.key(event) ?? ''}`] : [])],
  }))
  const ordered: DomainEvent[] = []
  while (left.length > 0) {
    const seen = new Set<string>()
    const free: number[] = []
    for (const [index, { marks }] of left.entries()) {
      if (!marks.some((mark) => seen.has(mark))) free.push(index)
      for (const mark of marks) seen.add(mark)
    }
    const [next] = left.splice(free[Math.floor(random() * free.length)] ?? 0, 1)
    if (next !== undefined) ordered.push(next.event)
  }
  return ordered
}

/** mulberry32 */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
