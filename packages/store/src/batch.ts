/**
 * What goes to the database in one call, and what comes back. Pure.
 */
import type { AppendAnswer, CommandResult, EncodedAppend, JsonObject, SettleAnswer } from '@tidemark/core'

/** Lists for tidemark.append_events: one entry per event, but `sizes` and `own` one per append. */
export interface AppendLists {
  readonly tenants: string
  readonly streams: string
  readonly expected: string
  readonly offsets: string
  readonly principals: string
  readonly devices: string
  readonly commands: string
  readonly hashes: string
  readonly occurred: string
  readonly ids: string
  readonly types: string
  readonly schemas: string
  readonly data: string
  readonly metadata: string
  readonly sizes: string
  readonly own: string
  /** One entry per event, `null` in all but the first of an append; `null` when no append names one. */
  readonly after: string | null
  /** Whether an append is at no version of its own: the database has to say then which one each event got. */
  readonly free: boolean
}

/** Tells the database that the appends of a stream do not continue each other, so that it judges them one by one. */
const BROKEN_RUN = -2

/**
 * Appends of one stream must be in order and next to each other. A run is checked once, against what its first append
 * expects; each later append continues it if it expects what the ones before it lead to, and follows the event that the append
 * before it ends with, where it names one.
 */
export function toAppendLists(appends: readonly EncodedAppend[]): AppendLists {
  const tenants: string[] = []
  const streams: string[] = []
  const expected: (number | null)[] = []
  const offsets: number[] = []
  const principals: string[] = []
  const devices: string[] = []
  const commands: (string | null)[] = []
  const hashes: (string | null)[] = []
  const occurred: string[] = []
  const ids: string[] = []
  const types: string[] = []
  const schemas: number[] = []
  const data: string[] = []
  const metadata: string[] = []
  const after: (string | null)[] = []
  let runStart = 0
  let runLength = 0
  let previous: EncodedAppend | undefined
  for (const append of appends) {
    const first = ids.length
    if (previous === undefined || previous.stream !== append.stream || previous.tenant !== append.tenant) {
      runStart = first
      runLength = 0
    } else if (
      !continuesRun(expected[runStart] ?? null, runLength, append.expected) ||
      (append.after !== null && append.after !== previous.ids.at(-1))
    ) {
      expected.fill(BROKEN_RUN, runStart)
    }
    const runExpects = runLength === 0 ? append.expected : (expected[runStart] ?? null)
    const last = append.ids.length - 1
    for (let index = 0; index <= last; index++) {
      tenants.push(append.tenant)
      streams.push(append.stream)
      expected.push(runExpects)
      offsets.push(++runLength)
      principals.push(append.principal)
      devices.push(append.device ?? '')
      commands.push(index === last && append.command !== null ? append.command.id : null)
      hashes.push(index === last && append.command !== null ? append.command.hash : null)
      occurred.push(append.occurredAt)
      ids.push(append.ids[index] as string)
      types.push(append.types[index] as string)
      schemas.push(append.schemas[index] as number)
      data.push(append.data[index] as string)
      metadata.push(append.metadata[index] as string)
      after.push(index === 0 ? append.after : null)
    }
    previous = append
  }
  return {
    tenants: tenants.join('\n'),
    streams: streams.join('\n'),
    expected: toArrayLiteral(expected),
    offsets: toArrayLiteral(offsets),
    principals: principals.join('\n'),
    devices: devices.join('\n'),
    commands: toArrayLiteral(commands),
    hashes: toArrayLiteral(hashes),
    occurred: toArrayLiteral(occurred),
    ids: toArrayLiteral(ids),
    types: types.join('\n'),
    schemas: toArrayLiteral(schemas),
    data: data.join('\n'),
    metadata: metadata.join('\n'),
    sizes: toArrayLiteral(appends.map((append) => append.ids.length)),
    own: toArrayLiteral(appends.map((append) => append.expected)),
    after: appends.some((append) => append.after !== null) ? toArrayLiteral(after) : null,
    free: appends.some(({ expected }) => expected === null || expected < 0),
  }
}

function continuesRun(runExpects: number | null, runLength: number, expects: number | null): boolean {
  // After at least one event the stream exists, so "any" and "exists" (null and -1) always hold.
  if (expects === null || expects < 0) return runExpects !== BROKEN_RUN
  return runExpects !== null && runExpects >= 0 && runExpects + runLength === expects
}

/** For values that need no quotes: numbers, uuids, ISO times. */
export function toArrayLiteral(values: readonly (string | number | null)[]): string {
  return `{${values.map((value) => value ?? 'NULL').join(',')}}`
}

/** A known command, as tidemark.command_result returns it. */
export interface ResultRow {
  readonly kind: 'accepted' | 'refused'
  readonly stream: string
  readonly version: number | null
  readonly code: string | null
  readonly params: JsonObject | null
  readonly lane: number
  readonly position: number
  readonly hash: string
}

/** What became of one append or settle of a call. */
export interface AnswerRow {
  readonly kind: 'appended' | 'settled' | 'duplicate' | 'command-reused' | 'conflict' | 'stream-closed'
  readonly version: number | null
  readonly position: number | null
  readonly result: ResultRow | null
  /** Of a closed stream. */
  readonly successor?: string | null
}

/** The slow path fills `answers`, one per append. On the fast path `versions` has one entry per event where it was asked for. */
export interface AppendEventsRow {
  readonly base: number
  readonly versions: string | null
  readonly answers: readonly AnswerRow[] | null
}

export function toAnswerRows(row: AppendEventsRow, appends: readonly EncodedAppend[]): readonly AnswerRow[] {
  if (row.answers !== null) return row.answers
  const versions = row.versions?.split(',')
  let last = 0
  return appends.map(({ ids, expected }) => {
    last += ids.length
    // All were appended, so each is where it expected to be; only who expected nothing has to be told.
    const version = versions === undefined ? known(expected) + ids.length : Number(versions[last - 1])
    return { kind: 'appended', version, position: row.base + last, result: null }
  })
}

export function toAppendAnswer(lane: number, row: AnswerRow): AppendAnswer {
  switch (row.kind) {
    case 'appended':
      return { kind: 'appended', version: known(row.version), lane, position: known(row.position) }
    case 'conflict':
      return { kind: 'conflict', current: known(row.version) }
    case 'duplicate':
      return { kind: 'duplicate', result: toCommandResult(known(row.result)) }
    case 'command-reused':
      return { kind: 'command-reused' }
    case 'stream-closed':
      return { kind: 'stream-closed', successor: known(row.successor ?? null) }
    case 'settled':
      throw new Error('An append was answered as if it were a settle.')
  }
}

export function toSettleAnswer(lane: number, row: AnswerRow): SettleAnswer {
  switch (row.kind) {
    case 'settled':
      return { kind: 'settled', lane, position: known(row.position) }
    case 'duplicate':
      return { kind: 'duplicate', result: toCommandResult(known(row.result)) }
    case 'command-reused':
      return { kind: 'command-reused' }
    case 'appended':
    case 'conflict':
    case 'stream-closed':
      throw new Error('A settle was answered as if it were an append.')
  }
}

export function toCommandResult(row: ResultRow): CommandResult {
  const { stream, lane, position, hash } = row
  return row.kind === 'accepted'
    ? { kind: 'accepted', stream, version: known(row.version), lane, position, hash }
    : { kind: 'refused', stream, code: known(row.code), params: row.params ?? {}, lane, position, hash }
}

function known<T>(value: T | null): T {
  if (value === null) throw new Error('The database left out a column that this answer must have.')
  return value
}
