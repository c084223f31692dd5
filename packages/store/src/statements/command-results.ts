import { isUuid, type CommandResult } from '@tidemark/core'
import { toArrayLiteral, toCommandResult, type ResultRow } from '../batch.ts'
import type { Driver } from '../driver.ts'
import { isName } from '../encode-request.ts'

/** What became of these commands of one principal; unknown ones are absent. */
export async function commandResults(
  sql: Driver,
  input: { tenant: string; principal: string; commands: readonly string[] },
): Promise<ReadonlyMap<string, CommandResult>> {
  const commands = input.commands.filter(isUuid)
  if (commands.length === 0 || !isName(input.tenant) || !isName(input.principal)) return new Map()
  const rows = await sql.query<ResultRow & { readonly command: string }>(
    `select x.command, r.*
       from unnest($3::uuid[]) as x (command)
      cross join lateral tidemark.command_result($1, $2, x.command) as r`,
    [input.tenant, input.principal, toArrayLiteral(commands)],
  )
  return new Map(rows.map((row) => [row.command, toCommandResult(row)]))
}
