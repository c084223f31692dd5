import type { AppendAnswer, AtomicAppendAnswer, EncodedAtomic } from '@tidemark/core'
import { toCommandResult } from './batch.ts'
import { SerialWriter, type LaneCalls } from './serial-writer.ts'
import { appendAtomically, type AtomicRow } from './statements/append-atomically.ts'
import { STREAM_CLOSED, successorOf } from './statements/successor-of.ts'

export type AtomicWriter = SerialWriter<EncodedAtomic, AtomicAppendAnswer>

/** Sends a lane's appends to several streams. */
export function createAtomicWriter({ lane, sql, onWritten, ...options }: LaneCalls): AtomicWriter {
  return new SerialWriter(
    {
      send: async (encoded) => {
        const answer = toAtomicAnswer(lane, await appendAtomically(sql, { lane, atomic: encoded }))
        if (answer.kind === 'appended') onWritten(lane)
        return answer
      },
      refused: async (encoded, error) => {
        if (error.code !== STREAM_CLOSED) return undefined
        for (const { tenant, stream, ids } of encoded.parts) {
          const successor = ids.length === 0 ? undefined : await successorOf(sql, { tenant, stream })
          if (successor !== undefined) return { kind: 'stream-closed', stream, successor }
        }
        return undefined
      },
      isRepeatable: (encoded) => encoded.command !== null,
    },
    options,
  )
}

function toAtomicAnswer(lane: number, row: AtomicRow): AtomicAppendAnswer {
  const versions = (row.versions ?? '').split(',').map(Number)
  switch (row.kind) {
    case 'appended':
      return { kind: 'appended', versions, lane, position: row.position ?? 0 }
    case 'checked':
      return { kind: 'checked', versions }
    case 'conflict':
      return { kind: 'conflict', stream: row.stream ?? '', current: row.version ?? 0 }
    case 'duplicate':
      if (row.result === null) throw new Error('tidemark.append_atomically left out the result of a known command.')
      return { kind: 'duplicate', result: toCommandResult(row.result) }
    case 'command-reused':
      return { kind: 'command-reused' }
  }
}

/** What an append without events is answered, which is sent as an atomic one of a single stream. */
export function toCheckAnswer(answer: AtomicAppendAnswer): AppendAnswer {
  switch (answer.kind) {
    case 'checked':
      return { kind: 'checked', version: answer.versions[0] ?? 0 }
    case 'conflict':
      return { kind: 'conflict', current: answer.current }
    case 'appended':
    case 'stream-closed':
      throw new Error(`An append without events was answered ${answer.kind}.`)
    default:
      return answer
  }
}
