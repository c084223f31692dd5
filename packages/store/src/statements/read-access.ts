import type { Driver } from '../driver.ts'
import { DatabaseError, INSUFFICIENT_PRIVILEGE } from '../errors.ts'

export type Access =
  /** The schema is not there yet, or the login owns it (superusers pass for owners). */
  | { readonly kind: 'owner' }
  /** The roles it may work as; itself, where it is granted directly. */
  | { readonly kind: 'granted'; readonly login: string; readonly app: string | null; readonly system: string | null }

interface SchemaRow {
  readonly login: string
  readonly owns: boolean
  readonly usable: boolean
}

/** What the login is to the schema. `version` is the server's, for example 150014. */
export async function readAccess(sql: Driver, input: { version: number }): Promise<Access> {
  // The catalogue first: whoever may not use the schema may not name a table in it.
  const [schema] = await sql.query<SchemaRow>(
    `select current_user as login, pg_has_role(n.nspowner, 'USAGE') as owns,
            exists (select from pg_class c where c.relnamespace = n.oid and c.relname = 'access') as usable
       from pg_namespace n where n.nspname = 'tidemark'`,
  )
  if (schema === undefined || schema.owns || !schema.usable) return { kind: 'owner' }
  // Before 16 every member may become the role.
  const privilege = input.version >= 160_000 ? 'SET' : 'MEMBER'
  try {
    const [found] = await sql.query<{ app: string | null; system: string | null }>(
      `select min(a.role) filter (where a.kind = 'app') as app, min(a.role) filter (where a.kind = 'system') as system
         from tidemark.access a join pg_roles r on r.rolname = a.role
        where pg_has_role(r.oid, $1)`,
      [privilege],
    )
    return { kind: 'granted', login: schema.login, app: found?.app ?? null, system: found?.system ?? null }
  } catch (error) {
    if (!(error instanceof DatabaseError) || error.code !== INSUFFICIENT_PRIVILEGE) throw error
    return { kind: 'granted', login: schema.login, app: null, system: null }
  }
}
