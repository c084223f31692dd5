import type { Driver } from './driver.ts'
import { migrate } from './migrate.ts'

const MIGRATIONS = new URL('../migrations/', import.meta.url)

/**
 * Brings the store's own schema up to date; `openStore` does it by default.
 *
 * @returns the names of the migrations applied by this call.
 * @throws MigrationError, DatabaseError
 */
export function migrateStore(sql: Driver): Promise<readonly string[]> {
  return migrate(sql, { namespace: 'store', directory: MIGRATIONS })
}
