import type { Driver } from '../driver.ts'
import type { SessionLook } from '../judge-sessions.ts'

const SESSION = `pg_backend_pid() as pid, (select setting::integer from pg_settings where name = 'lock_timeout') as "lockTimeout"`

/** Leaves a mark in the session. */
export async function leaveMark(sql: Driver, input: { mark: string }): Promise<SessionLook> {
  return only(
    await sql.query<SessionLook>(`select set_config('tidemark.session', $1, false) as mark, ${SESSION}`, [input.mark]),
  )
}

/** The session that answers now, and the mark in it. */
export async function lookAtSession(sql: Driver): Promise<SessionLook> {
  return only(await sql.query<SessionLook>(`select current_setting('tidemark.session', true) as mark, ${SESSION}`))
}

function only([row]: readonly SessionLook[]): SessionLook {
  if (row === undefined) throw new Error('The session told nothing about itself.')
  return row
}
