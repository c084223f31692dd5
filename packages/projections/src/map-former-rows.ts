import { toStoredJson, type AnyProjection } from '@tidemark/core'
import { messageOf } from './interpret-events.ts'
import { ROW_LIMITS, scopeProblem } from './row-limits.ts'

/** One key of a portion, as the SQL function `read_portion` writes it; without a row all but `k` and `t` are null. */
interface CopiedKey {
  readonly k: string
  readonly p: number | null
  readonly c: number | null
  readonly s: boolean | null
  readonly o: string | null
  readonly r: unknown
  readonly t: unknown
}

export type MappedPortion =
  | { readonly kind: 'mapped'; readonly body: string }
  /** The former rows are not such that the new version's follow from them. */
  | { readonly kind: 'refused'; readonly note: string }

/**
 * The rows of a portion as the new version has them, all else as it is. Pure but for the app's `upgrade`.
 *
 * The scope stays: in another one the row would lack what a replay leaves behind in the former scope.
 */
export function mapFormerRows(projection: AnyProjection, body: string): MappedPortion {
  const { upgrade, name, version } = projection
  if (upgrade === undefined) return { kind: 'refused', note: 'This version does not say how to take rows over.' }
  const texts: string[] = []
  for (const key of JSON.parse(body) as readonly CopiedKey[]) {
    const refused = (why: string): MappedPortion => ({
      kind: 'refused',
      note:
        `Rows of version ${upgrade.from} could not be taken over, so all events are folded: for key "${key.k}" ${why} ` +
        `Mend the upgrade of "${name}" version ${version}, or leave it out.`,
    })
    const { r: former, ...rest } = key
    if (key.p === null) {
      texts.push(JSON.stringify(key))
      continue
    }
    let row: unknown
    let scope: unknown
    try {
      row = upgrade.row(former)
    } catch (error) {
      return refused(`it threw: ${messageOf(error)}.`)
    }
    if (!projection.isRow(row)) return refused('it returned something that is not a row of this version.')
    const encoded = toStoredJson(row, { maxLength: ROW_LIMITS.rowLength })
    if (!encoded.ok)
      return refused(`it returned a row that cannot be stored: ${encoded.issue.code} at ${encoded.issue.path}.`)
    try {
      scope = projection.scope(encoded.value)
    } catch (error) {
      return refused(`scope() threw: ${messageOf(error)}.`)
    }
    const problem = scopeProblem(scope)
    if (problem !== undefined) return refused(`scope() returned a scope that cannot be used: ${problem}`)
    if (scope !== key.o) return refused('the row came into another scope.')
    texts.push(`${JSON.stringify(rest).slice(0, -1)},"r":${encoded.text}}`)
  }
  return { kind: 'mapped', body: `[${texts.join(',')}]` }
}
