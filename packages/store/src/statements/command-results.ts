import type { CommandResult } from '@tidemark/core'
import { toArrayLiteral, toCommandResult, type ResultRow } from '../batch.ts'
import type { Driver } from '../driver.ts'

/** A command id inside (tenant, principal). Names and ids have been checked: the lists travel joined by newlines. */
export interface AskedCommand {
  readonly tenant: string
  readonly principal: string
  readonly command: string
}

/** What became of these commands, by their place in the list; unknown ones are absent. One index look-up each and table. */
export async function commandResults(
  sql: Driver,
  input: { asked: readonly AskedCommand[] },
): Promise<ReadonlyMap<number, CommandResult>> {
  const { asked } = input
  const rows = await sql.query<ResultRow & { readonly place: number }>(
    `select x.place - 1 as place, r.*
       from unnest(string_to_array($1, E'\\n'), string_to_array($2, E'\\n'), $3::uuid[])
            with ordinality as x (tenant, principal, command, place)
      cross join lateral (
        select r.* from set_config('tidemark.tenant', x.tenant, true) as shown (tenant)
         cross join lateral tidemark.command_result(shown.tenant, x.principal, x.command) as r offset 0) as r`,
    [
      asked.map(({ tenant }) => tenant).join('\n'),
      asked.map(({ principal }) => principal).join('\n'),
      toArrayLiteral(asked.map(({ command }) => command)),
    ],
  )
  return new Map(rows.map((row) => [row.place, toCommandResult(row)]))
}
