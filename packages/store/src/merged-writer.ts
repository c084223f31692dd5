import type { AppendAnswer, EncodedMerged, KnownMember, MergedAppendAnswer } from '@tidemark/core'
import { toCommandResult } from './batch.ts'
import { SerialWriter, type LaneCalls } from './serial-writer.ts'
import { appendMerged, type KnownRow, type MergedRow } from './statements/append-merged.ts'
import { STREAM_CLOSED, successorOf } from './statements/successor-of.ts'

export type MergedWriter = SerialWriter<EncodedMerged, MergedAppendAnswer>

/** Sends a lane's merged appends. Repeating one is always safe, since all its members have command ids. */
export function createMergedWriter({ lane, sql, onWritten, ...options }: LaneCalls): MergedWriter {
  return new SerialWriter(
    {
      send: async (encoded) => {
        const answer = toMergedAnswer(lane, await appendMerged(sql, { lane, merged: encoded }))
        if (answer.kind === 'appended') onWritten(lane)
        return answer
      },
      refused: async (encoded, error) => {
        if (error.code !== STREAM_CLOSED) return undefined
        const successor = await successorOf(sql, encoded.append)
        return successor === undefined ? undefined : { kind: 'stream-closed', successor }
      },
      isRepeatable: () => true,
    },
    options,
  )
}

function toMergedAnswer(lane: number, row: MergedRow): MergedAppendAnswer {
  switch (row.kind) {
    case 'appended':
      return { kind: 'appended', version: row.version ?? 0, lane, position: row.position ?? 0 }
    case 'conflict':
      return { kind: 'conflict', current: row.version ?? 0 }
    case 'known-members':
      return { kind: 'known-members', known: (row.known ?? []).map(toKnownMember) }
  }
}

function toKnownMember({ index, kind, result }: KnownRow): KnownMember {
  const answer: Extract<AppendAnswer, { kind: 'duplicate' | 'command-reused' }> =
    kind === 'duplicate' ? { kind, result: toCommandResult(result) } : { kind }
  return { index, answer }
}
