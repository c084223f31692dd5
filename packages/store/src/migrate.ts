import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Driver } from './driver.ts'
import { DatabaseError, INSUFFICIENT_PRIVILEGE, MigrationError } from './errors.ts'

export interface MigrateOptions {
  /** Whose migrations these are; each namespace has its own sequence. Lower-case letters, digits and `-`. */
  readonly namespace: string
  /** Folder of `0001-what-it-does.sql` files. */
  readonly directory: string | URL
}

interface Migration {
  readonly name: string
  readonly text: string
  readonly checksum: string
}

/** Key of the advisory lock under which all namespaces migrate. */
const MIGRATION_LOCK = 7311707
/** A migration may rewrite tables; it is given up only after this. */
const DEADLINE_MS = 30 * 60_000
const NAME = /^\d{4}-[a-z0-9-]+\.sql$/

const BOOTSTRAP = `
select pg_advisory_xact_lock(${MIGRATION_LOCK});
create schema if not exists tidemark;
create table if not exists tidemark.migrations (
  namespace text collate "C" not null,
  name text collate "C" not null,
  checksum text not null,
  applied_at timestamptz not null default clock_timestamp(),
  constraint migrations_name primary key (namespace, name)
);`

/**
 * Applies the migrations that are not applied yet, in the order of their names, each in one transaction under a lock:
 * many processes may start at once. Forward only. Migrations that the database has and the folder lacks are left alone:
 * an older release may run beside a newer one.
 *
 * @returns the names applied by this call.
 * @throws MigrationError, DatabaseError
 */
export async function migrate(sql: Driver, options: MigrateOptions): Promise<readonly string[]> {
  const migrations = await readMigrations(options)
  const applied: string[] = []
  let known = await appliedMigrations(sql, options.namespace)
  for (const migration of migrations) {
    if (isApplied(known, migration, options.namespace)) continue
    try {
      await sql.script(toScript(migration, options.namespace), { deadlineMs: DEADLINE_MS })
      applied.push(migration.name)
    } catch (error) {
      // Another process was first (its row is there), or the connection was lost after the commit.
      known = await appliedMigrations(sql, options.namespace)
      if (isApplied(known, migration, options.namespace)) continue
      if (error instanceof DatabaseError && error.code === INSUFFICIENT_PRIVILEGE) {
        throw new MigrationError(
          'not-owner',
          options.namespace,
          migration.name,
          `Migration ${options.namespace}/${migration.name} is not applied here yet, and this role may not change the ` +
            `schema (${error.message}). Run \`tidemark store migrate\` as the schema's owner, or start this release once as the owner.`,
          error,
        )
      }
      const cause = error instanceof DatabaseError ? error.message : String(error)
      throw new MigrationError(
        'failed',
        options.namespace,
        migration.name,
        `Migration ${options.namespace}/${migration.name} failed and was rolled back: ${cause}`,
        error,
      )
    }
  }
  return applied
}

async function readMigrations({ namespace, directory }: MigrateOptions): Promise<readonly Migration[]> {
  const folder = directory instanceof URL ? fileURLToPath(directory) : directory
  const names = (await readdir(folder)).filter((name) => name.endsWith('.sql')).sort()
  const numbers = new Set<string>()
  const migrations: Migration[] = []
  for (const name of names) {
    const number = name.slice(0, 4)
    if (!NAME.test(name) || numbers.has(number)) {
      throw new MigrationError(
        'bad-directory',
        namespace,
        name,
        `${name} is not a migration: names are like 0001-what-it-does.sql, and each number is used once.`,
      )
    }
    numbers.add(number)
    // A checkout may have changed the line ends; that is no change of the migration.
    const text = (await readFile(join(folder, name), 'utf8')).replaceAll('\r\n', '\n')
    migrations.push({ name, text, checksum: createHash('sha256').update(text).digest('hex') })
  }
  return migrations
}

async function appliedMigrations(sql: Driver, namespace: string): Promise<ReadonlyMap<string, string>> {
  // Asked first, so that a role without the right to create schemas can run on a database that is up to date.
  const [there] = await sql.query<{ there: boolean }>(`select to_regclass('tidemark.migrations') is not null as there`)
  if (there?.there !== true) await sql.script(BOOTSTRAP, { deadlineMs: DEADLINE_MS })
  const rows = await sql.query<{ name: string; checksum: string }>(
    'select name, checksum from tidemark.migrations where namespace = $1',
    [namespace],
  )
  return new Map(rows.map((row) => [row.name, row.checksum]))
}

function isApplied(known: ReadonlyMap<string, string>, migration: Migration, namespace: string): boolean {
  const checksum = known.get(migration.name)
  if (checksum !== undefined && checksum !== migration.checksum) {
    throw new MigrationError(
      'checksum-changed',
      namespace,
      migration.name,
      `Migration ${namespace}/${migration.name} was changed after it was applied here. Restore the file and put the ` +
        'change into a new migration.',
    )
  }
  return checksum !== undefined
}

/**
 * One simple-protocol call, so one implicit transaction. The row comes first: a second process waits on the lock, then
 * fails on the row before it runs anything.
 */
function toScript({ name, checksum, text }: Migration, namespace: string): string {
  return `
select set_config(name, '0', true) from pg_settings where name in ('statement_timeout', 'lock_timeout', 'transaction_timeout');
select pg_advisory_xact_lock(${MIGRATION_LOCK});
insert into tidemark.migrations (namespace, name, checksum) values (${literal(namespace)}, ${literal(name)}, ${literal(checksum)});
${text}
;
do $secure$ begin
  -- Whatever the migration made is brought under the rules of 0030-access.sql before anybody can see it.
  if to_regprocedure('tidemark.secure()') is not null then perform tidemark.secure(); end if;
end $secure$;`
}

function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}
