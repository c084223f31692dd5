/** The format of an archived file: JSON lines under Brotli, a header first. */
import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { brotliCompress, brotliDecompress, constants } from 'node:zlib'
import type { StoredEvent } from '@tidemark/core'

/** An event with all that the table holds of it. */
export interface ArchivedEvent extends StoredEvent {
  /** Hash of the command, where `command` is set. */
  readonly hash: string | null
}

/** The archive's row for a file. */
export interface ArchivedChunk {
  readonly tenant: string
  readonly stream: string
  readonly lane: number
  readonly firstVersion: number
  readonly lastVersion: number
  readonly firstPosition: number
  readonly lastPosition: number
  readonly file: string
  /** SHA-256 of the file, 64 hex digits. */
  readonly checksum: string
  /** ISO 8601, UTC. */
  readonly archivedAt: string
}

export interface EncodedFile {
  readonly name: string
  readonly content: Uint8Array
  readonly checksum: string
}

export type DecodedFile =
  | { readonly kind: 'events'; readonly events: readonly ArchivedEvent[]; readonly length: number }
  | { readonly kind: 'damaged'; readonly reason: string }

const FORMAT = 1
/** Beyond 5 Brotli gains little and gets slow. */
const QUALITY = 5
const compress = promisify(brotliCompress)
const decompress = promisify(brotliDecompress)

export function checksumOf(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex')
}

/** Events of one stream, contiguous, at least one. The name holds a hash of the content: no two contents share one. */
export async function encodeArchive(events: readonly ArchivedEvent[]): Promise<EncodedFile> {
  const [first] = events
  const last = events.at(-1)
  if (first === undefined || last === undefined) throw new Error('An archived file needs at least one event.')
  const { lane, tenant, stream } = first
  const header = { format: FORMAT, lane, tenant, stream, first: first.version, last: last.version }
  const lines = events.map(({ lane: _lane, tenant: _tenant, stream: _stream, ...rest }) => JSON.stringify(rest))
  const text = `${JSON.stringify(header)}\n${lines.join('\n')}\n`
  const content = await compress(text, { params: { [constants.BROTLI_PARAM_QUALITY]: QUALITY } })
  const checksum = checksumOf(content)
  const folder = createHash('sha256').update(`${tenant}\n${stream}`).digest('hex').slice(0, 32)
  const name = `lane-${lane}/${folder.slice(0, 2)}/${folder}/${first.version}-${last.version}-${checksum.slice(0, 16)}.jsonl.br`
  return { name, content, checksum }
}

/** Whether the file is the one that the archive's row tells of, and what is in it. */
export async function decodeArchive(chunk: ArchivedChunk, content: Uint8Array): Promise<DecodedFile> {
  if (checksumOf(content) !== chunk.checksum) return { kind: 'damaged', reason: 'its checksum is another' }
  try {
    const text = (await decompress(content)).toString('utf8')
    const [headerLine = '', ...lines] = text.trimEnd().split('\n')
    const { format, lane, tenant, stream } = JSON.parse(headerLine) as { format: number } & ArchivedChunk
    if (format !== FORMAT) return { kind: 'damaged', reason: `its format is ${format}, this code reads ${FORMAT}` }
    const events = lines.map((line) => ({ lane, tenant, stream, ...(JSON.parse(line) as object) }) as ArchivedEvent)
    const problem = problemOf(chunk, events)
    return problem === undefined
      ? { kind: 'events', events, length: text.length }
      : { kind: 'damaged', reason: problem }
  } catch (error) {
    return { kind: 'damaged', reason: error instanceof Error ? error.message : String(error) }
  }
}

function problemOf(chunk: ArchivedChunk, events: readonly ArchivedEvent[]): string | undefined {
  if (events.length !== chunk.lastVersion - chunk.firstVersion + 1) return `it holds ${events.length} events`
  let position = chunk.firstPosition - 1
  for (const [index, event] of events.entries()) {
    if (event.tenant !== chunk.tenant || event.stream !== chunk.stream || event.lane !== chunk.lane) {
      return 'it is of another stream'
    }
    if (event.version !== chunk.firstVersion + index) return `version ${event.version} is out of order`
    if (event.position <= position) return `position ${event.position} is out of order`
    position = event.position
  }
  return position === chunk.lastPosition ? undefined : `it ends at position ${position}`
}
