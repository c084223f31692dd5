import type { StreamId, Uuid } from '@tidemark/core'
import type { PendingRecord } from './records.ts'

/** Pending commands in order, all of them and by stream. A change costs what it touches, however many are pending. */
export interface CommandList {
  /** In ascending order of `seq`. The same array until something changes. */
  all(): readonly PendingRecord[]
  /** Those of one stream, likewise. */
  of(stream: StreamId): readonly PendingRecord[]
  get(id: Uuid): PendingRecord | undefined
  /** Adds a command, or replaces the one with its id. */
  put(command: PendingRecord): void
  drop(id: Uuid): void
}

export function createCommandList(): CommandList {
  const byId = new Map<Uuid, PendingRecord>()
  const byStream = new Map<StreamId, readonly PendingRecord[]>()
  // Made when somebody looks: nobody does between the changes of one step.
  let sorted: readonly PendingRecord[] | undefined = []
  const none: readonly PendingRecord[] = []

  function remove(id: Uuid): void {
    const command = byId.get(id)
    if (command === undefined) return
    byId.delete(id)
    sorted = undefined
    const left = (byStream.get(command.stream) ?? none).filter((each) => each.id !== id)
    if (left.length > 0) byStream.set(command.stream, left)
    else byStream.delete(command.stream)
  }

  return {
    all: () => (sorted ??= [...byId.values()].sort(bySeq)),
    of: (stream) => byStream.get(stream) ?? none,
    get: (id) => byId.get(id),
    put: (command) => {
      remove(command.id)
      byId.set(command.id, command)
      sorted = undefined
      const { stream, seq } = command
      const others = byStream.get(stream) ?? none
      const place = others.findLastIndex((each) => each.seq < seq) + 1
      byStream.set(stream, others.toSpliced(place, 0, command))
    },
    drop: remove,
  }
}

function bySeq(a: PendingRecord, b: PendingRecord): number {
  return a.seq - b.seq
}
