import type { Driver } from './driver.ts'

/**
 * What a role may do:
 * `app`: call the store's functions, and read the one tenant that a statement names;
 * `system`: call the functions, and read all tenants: for whoever follows a lane (subscriptions, projection workers, checks);
 * `reader`: read the one tenant that a statement names, and nothing else.
 */
export type AccessKind = 'app' | 'system' | 'reader'

/**
 * Makes a role of the cluster known to the store. `sql` is connected as the schema's owner. A server's login is a member of
 * an app and of a system role; `openStore` finds out, and works as these two.
 *
 * @throws DatabaseError, also where there is no such role.
 */
export async function grantAccess(sql: Driver, input: { role: string; kind: AccessKind }): Promise<void> {
  await sql.query('select tidemark.grant_access($1, $2)', [input.role, input.kind])
}

/** Takes all of it back. @throws DatabaseError */
export async function revokeAccess(sql: Driver, input: { role: string }): Promise<void> {
  await sql.query('select tidemark.revoke_access($1)', [input.role])
}
