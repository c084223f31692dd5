import type { EncodedSplit, SplitAnswer } from '@tidemark/core'
import { toCommandResult } from './batch.ts'
import { SerialWriter, type LaneCalls } from './serial-writer.ts'
import { splitInLane, type SplitRow } from './statements/split-stream.ts'

export type SplitWriter = SerialWriter<EncodedSplit, SplitAnswer>

/** Sends a lane's splits. Repeating one is always safe, since it has a command id. */
export function createSplitWriter({ lane, sql, onWritten, ...options }: LaneCalls): SplitWriter {
  return new SerialWriter(
    {
      send: async (encoded) => {
        const answer = toSplitAnswer(lane, await splitInLane(sql, { lane, ...encoded }))
        if (answer.kind === 'split') onWritten(lane)
        return answer
      },
      refused: () => Promise.resolve(undefined),
      isRepeatable: () => true,
    },
    options,
  )
}

function toSplitAnswer(lane: number, row: SplitRow): SplitAnswer {
  switch (row.kind) {
    case 'split':
      return { kind: 'split', version: row.version ?? 0, lane, position: row.position ?? 0 }
    case 'duplicate':
      if (row.result === null) throw new Error('tidemark.split_stream left out the result of a known command.')
      return { kind: 'duplicate', result: toCommandResult(row.result) }
    case 'stream-closed':
      return { kind: 'stream-closed', successor: row.successor ?? '' }
    case 'conflict':
      return { kind: 'conflict', current: row.version ?? 0 }
    case 'command-reused':
    case 'successor-exists':
      return { kind: row.kind }
  }
}
