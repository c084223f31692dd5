import { pushedCommand, validate, type PushedCommand, type ValidationIssue } from '@tidemark/core'
import type { Change } from './change.ts'
import type { Write } from './database.ts'
import { rebaseStored } from './pages.ts'
import { bytesOf, QueueFullError } from './pending-bytes.ts'
import type { Decider } from './rebase.ts'
import type { PendingRecord } from './records.ts'
import type { Replica } from './replica.ts'
import type { ImportResult, PendingExport } from './tidemark-client.ts'

export interface ImportContext extends Decider {
  readonly replica: Replica
  /** Unsent work may take so many bytes. */
  readonly maxPendingBytes: number
  /** Makes the second copy of what a change stored. */
  readonly copy: (change: Change) => Promise<void>
  readonly onImported: () => void
}

/**
 * Takes what `toExport` gave among the pending commands. Under their own ids: sent twice, they count once. Rejects where
 * storage does.
 */
export async function importPending(context: ImportContext, exported: unknown): Promise<ImportResult> {
  const { domain, principal, replica } = context
  const of = (typeof exported === 'object' ? exported : null) as Partial<PendingExport> | null
  if (of?.format !== 'tidemark-pending' || !Array.isArray(of.commands)) {
    return { kind: 'unreadable', issues: [{ path: '', message: 'It is not a file of unsent changes.' }] }
  }
  if (of.domain !== domain.name || of.tenant !== principal.tenant || of.principal !== principal.id) {
    const [app, tenant, person] = [of.domain, of.tenant, of.principal].map(String) as [string, string, string]
    return { kind: 'other-account', domain: app, tenant, principal: person }
  }
  const { commands, issues } = readCommands(of.commands)
  // All of it or nothing: a part would look like the whole.
  if (issues.length > 0) return { kind: 'unreadable', issues }
  let added: readonly PendingRecord[] = []
  const change = await replica.write('strict', ['pending', 'acknowledged', 'rows', 'overlay'], async (write) => {
    const ids = commands.map(({ id }) => id)
    const known = await knownOf(write, ids)
    const here = new Set(ids)
    let seq = Number((await write.meta.get('next-seq'))?.value ?? 1)
    added = commands
      .filter(({ id }) => !known.has(id))
      .map(({ base, ...command }): PendingRecord => ({
        ...command,
        seq: seq++,
        // What it was to follow may have been dropped, or be confirmed: then it stands by itself.
        base: base !== null && base.after !== null && !here.has(base.after) ? { ...base, after: null } : base,
        // Decided below, on what this device knows.
        prediction: { kind: 'no-longer-holds', code: 'imported', params: {} },
        believed: [],
        seen: null,
        answer: null,
        attention: null,
        // Another device may have sent it: only the server can say that it never left.
        attempts: 1,
      }))
    if (added.length === 0) return { moved: { rows: 0, work: 0 } }
    const bytes = added.reduce((sum, each) => sum + bytesOf(each), 0)
    if (write.bytesMoved(bytes) > context.maxPendingBytes) throw new QueueFullError()
    await write.pending.bulkPut([...added])
    await write.meta.put({ name: 'next-seq', value: seq })
    const put = new Map(added.map((each) => [each.id, each]))
    const rebased = await rebaseStored(context, write, [...new Set(added.map((each) => each.stream))])
    for (const each of rebased.put) put.set(each.id, each)
    // Those that were added have no former state, whatever deciding them again found.
    const before = rebased.before.filter(({ id }) => !here.has(id) || known.has(id))
    return { put: [...put.values()], before, everything: true, moved: { rows: 0, work: 1 } }
  })
  await context.copy(change)
  await replica.catchUp(change.versions)
  context.onImported()
  return { kind: 'imported', added: added.length, known: commands.length - added.length }
}

async function knownOf(write: Write, ids: string[]): Promise<ReadonlySet<string>> {
  const found = await Promise.all([write.pending.bulkGet(ids), write.acknowledged.bulkGet(ids)])
  return new Set(found.flat().flatMap((each) => each?.id ?? []))
}

function readCommands(given: readonly unknown[]): {
  readonly commands: readonly PushedCommand[]
  readonly issues: readonly ValidationIssue[]
} {
  const commands: PushedCommand[] = []
  const issues: ValidationIssue[] = []
  for (const [index, each] of given.entries()) {
    const checked = validate(pushedCommand, each)
    if (checked.ok) commands.push(checked.value)
    else
      issues.push(
        ...checked.issues.map(({ path, message }) => ({ path: `/commands/${String(index)}${path}`, message })),
      )
  }
  return { commands, issues }
}
