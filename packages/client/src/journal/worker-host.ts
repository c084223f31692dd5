import type { Uuid } from '@tidemark/core'
import type { JournalContents, JournalEntry, JournalHost } from './journal.ts'

export type HostCall = { readonly call: number } & (
  | { readonly kind: 'open'; readonly name: string }
  | { readonly kind: 'adopt'; readonly device: Uuid }
  | { readonly kind: 'append'; readonly device: Uuid; readonly entries: readonly JournalEntry[] }
  | { readonly kind: 'clear'; readonly device: Uuid; readonly at: number }
  | { readonly kind: 'close' }
)

export type HostReply =
  | { readonly call: number; readonly value: unknown }
  | { readonly call: number; readonly error: string }

type Ask = HostCall extends infer Call ? (Call extends { readonly call: number } ? Omit<Call, 'call'> : never) : never

/** Runs the journal of a database in a worker of this tab. `undefined` where the browser has no place for it. */
export function createWorkerHost(name: string): JournalHost | undefined {
  if (typeof Worker === 'undefined' || typeof navigator.storage?.getDirectory !== 'function') return undefined
  const worker = new Worker(new URL('./journal-worker.js', import.meta.url), {
    type: 'module',
    name: 'tidemark-journal',
  })
  const waiting = new Map<
    number,
    { readonly resolve: (value: never) => void; readonly reject: (error: Error) => void }
  >()
  let calls = 0
  let broken: Error | undefined

  const fail = (error: Error): void => {
    broken = error
    for (const each of waiting.values()) each.reject(error)
    waiting.clear()
  }
  worker.addEventListener('error', (event) => fail(new Error(`The journal's worker failed: ${event.message}`)))
  worker.addEventListener('messageerror', () => fail(new Error("A message to the journal's worker was lost.")))
  worker.addEventListener('message', ({ data }: MessageEvent<HostReply>) => {
    const asked = waiting.get(data.call)
    waiting.delete(data.call)
    if ('error' in data) asked?.reject(new Error(data.error))
    else asked?.resolve(data.value as never)
  })

  function ask<T>(call: Ask): Promise<T> {
    if (broken !== undefined) return Promise.reject(broken)
    return new Promise<T>((resolve, reject) => {
      calls += 1
      waiting.set(calls, { resolve, reject })
      worker.postMessage({ ...call, call: calls } as HostCall)
    })
  }

  return {
    open: () => ask<JournalContents>({ kind: 'open', name }),
    adopt: (device) => ask<readonly Uuid[]>({ kind: 'adopt', device }),
    append: (device, entries) => ask({ kind: 'append', device, entries }),
    clear: (device, at) => ask({ kind: 'clear', device, at }),
    close: () => {
      // The worker lets go of its files and ends; one that does not answer any more is ended.
      ask({ kind: 'close' }).then(
        () => undefined,
        () => worker.terminate(),
      )
    },
  }
}
