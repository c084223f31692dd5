/** Hashes over ranges of a lane, for comparing two copies of a log. Pure but for the hash function. */
import { createHash, type Hash } from 'node:crypto'
import { toStoredJson, type StoredEvent } from '@tidemark/core'

export interface RangeHash {
  /** First and last position of the range, both included. */
  readonly from: number
  readonly to: number
  /** SHA-256 over the range before and this range's events, 64 hex digits: equal hashes mean equal logs up to `to`. */
  readonly hash: string
}

/** Every column of an event, in canonical JSON: where the event was read from (table, archive) makes no difference. */
export function eventText(event: StoredEvent): string {
  const { lane, position, id, tenant, stream, version, type, schema, data, metadata } = event
  const { principal, device, command, occurredAt, recordedAt } = event
  const columns = [
    lane,
    position,
    id,
    tenant,
    stream,
    version,
    type,
    schema,
    data,
    metadata,
    principal,
    device,
    command,
  ]
  // One append's events share a limit; one event and its columns are always within twice that.
  const encoded = toStoredJson([...columns, occurredAt, recordedAt], { maxDepth: 70, maxLength: 16_777_216 })
  if (!encoded.ok) throw new Error(`Event ${id} holds data that could not have been appended: ${encoded.issue.code}.`)
  return encoded.text
}

/** Collects a lane's events in order and gives one hash per `size` positions, each over all before it as well. */
export function createRangeHashes(size: number): {
  add(event: StoredEvent): void
  end(): readonly RangeHash[]
} {
  const ranges: RangeHash[] = []
  let hash: Hash | undefined
  let range = -1
  let first = 0
  let last = 0
  const close = (): void => {
    if (hash !== undefined) ranges.push({ from: first, to: last, hash: hash.digest('hex') })
    hash = undefined
  }
  return {
    add(event) {
      const own = Math.floor((event.position - 1) / size)
      if (own !== range) {
        close()
        range = own
        first = event.position
        hash = createHash('sha256').update(ranges.at(-1)?.hash ?? '')
      }
      last = event.position
      hash?.update(eventText(event)).update('\n')
    },
    end() {
      close()
      return ranges
    },
  }
}
