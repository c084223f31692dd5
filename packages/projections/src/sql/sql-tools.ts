import type { PostgresStore } from '@tidemark/store'
import type { RebuildTarget } from '../rebuild-tools.ts'
import {
  acceptDefinitions,
  pauseConsumer,
  readSqlStatus,
  resumeConsumer,
  type SqlStatus,
} from './statements/sql-status.ts'

/** What people do about SQL projections. Names have the prefix `sql:`. Every call throws DatabaseError. */
export interface SqlTools {
  /** Every version that is looked after, in every lane, as the database knows it. */
  list(): Promise<readonly SqlStatus[]>
  /** Nobody works on its tables until it is resumed. Returns in how many lanes. */
  pause(target: RebuildTarget, principal: string): Promise<number>
  resume(target: RebuildTarget): Promise<number>
  /** Says that the changed code writes what the code before it wrote. Returns for how many versions that is new. */
  accept(projection: string): Promise<number>
}

/** Looks after SQL projections without running them: for operators. */
export function openSqlTools(store: Pick<PostgresStore, 'sql'>): SqlTools {
  const sql = store.sql()
  const find = async ({ projection, lane }: RebuildTarget) =>
    (await readSqlStatus(sql)).filter((at) => at.projection === projection && (lane === undefined || at.lane === lane))
  return {
    list: async () => (await readSqlStatus(sql)).map(({ id: _, ...status }) => status),
    pause: async (target, principal) => {
      const found = await find(target)
      for (const { id, lane } of found) await pauseConsumer(sql, { consumer: `sql:${id}`, lane, principal })
      return found.length
    },
    resume: async (target) => {
      let resumed = 0
      for (const { id, lane } of await find(target)) {
        if (await resumeConsumer(sql, { consumer: `sql:${id}`, lane })) resumed += 1
      }
      return resumed
    },
    accept: (projection) => acceptDefinitions(sql, { name: projection }),
  }
}
