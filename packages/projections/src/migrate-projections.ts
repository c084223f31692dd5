import { migrate, type Driver } from '@tidemark/store'

const MIGRATIONS = new URL('../migrations/', import.meta.url)

/**
 * Brings the engine's schema up to date; everything here that opens does it by default. The store's comes first.
 *
 * @returns the names of the migrations applied by this call.
 * @throws MigrationError, DatabaseError
 */
export function migrateProjections(sql: Driver): Promise<readonly string[]> {
  return migrate(sql, { namespace: 'projections', directory: MIGRATIONS })
}
