import type { AppendRequest, EventStore } from '@tidemark/core'
import type { Work } from '../measure/load.ts'
import { createEntries, newId, toAppendRequest } from './workload.ts'

/** Writers with streams of their own, each append at its expected version and under a command id. */
export function spreadAppends(
  store: EventStore,
  tenant: string,
  callers: number,
  onStored?: (id: string) => void,
): readonly Work[] {
  return Array.from({ length: callers }, () => {
    const next = createEntries()
    return async () => {
      const entry = next()
      const answer = await store.append(toAppendRequest(tenant, entry))
      if (answer.kind !== 'appended' || answer.version !== entry.version) throw wrong(answer)
      onStored?.(entry.id)
    }
  })
}

/** Writers of one stream that do not care what is in it. */
export function hotAppends(store: EventStore, tenant: string, callers: number): readonly Work[] {
  const stream = `order/${newId()}`
  return Array.from({ length: callers }, () => async () => {
    const request: AppendRequest = toAppendRequest(tenant, { id: newId(), stream, version: 1, command: newId() }, 'any')
    const answer = await store.append(request)
    if (answer.kind !== 'appended') throw wrong(answer)
  })
}

function wrong(answer: unknown): Error {
  return new Error(`An append was answered ${JSON.stringify(answer)}.`)
}
