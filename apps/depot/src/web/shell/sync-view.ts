import type { SyncStatus } from '@tidemark/client'
import { words } from '../words.ts'

export type SyncTone = 'good' | 'busy' | 'warn' | 'bad'

/** What the sync indicator says. */
export interface SyncView {
  readonly key:
    | 'saved'
    | 'syncing'
    | 'connecting'
    | 'offline'
    | 'busy'
    | 'loading'
    | 'attention'
    | 'sign-in'
    | 'update'
    | 'storage'
    | 'full'
  readonly tone: SyncTone
  readonly text: string
  /** What it means for the person's work; empty where the text says it all. */
  readonly detail: string
}

/**
 * One state out of many facts, the most pressing first: what loses work, what stops sync until somebody acts, what
 * waits for a decision, what heals by itself.
 */
export function syncView(status: SyncStatus): SyncView {
  const { saved, connections } = words
  // Those that wait for a person are not on their way.
  const underway = Math.max(0, status.pending - status.attention)
  const onDevice = underway === 0 ? '' : saved.countDevice(underway)
  const loading = status.initial !== 'done'
  if (status.room === 'none' && status.connection !== 'storage-trouble') {
    return { key: 'full', tone: 'bad', text: saved.full, detail: words.problems.full }
  }
  switch (status.connection) {
    case 'storage-trouble':
      return { key: 'storage', tone: 'bad', text: connections['storage-trouble'], detail: words.problems.storage }
    case 'upgrade-required':
      return { key: 'update', tone: 'warn', text: connections['upgrade-required'], detail: onDevice }
    case 'needs-sign-in':
      return { key: 'sign-in', tone: 'warn', text: connections['needs-sign-in'], detail: onDevice }
    case 'offline':
      return { key: 'offline', tone: 'warn', text: connections.offline, detail: onDevice }
    case 'connecting':
    case 'server-busy':
    case 'live':
      break
  }
  if (status.attention > 0) {
    return { key: 'attention', tone: 'bad', text: saved.attention(status.attention), detail: onDevice }
  }
  if (loading) {
    const progress = typeof status.initial === 'object' ? status.initial.progress : undefined
    return { key: 'loading', tone: 'busy', text: saved.loading(progress), detail: onDevice }
  }
  if (status.connection === 'connecting') {
    return { key: 'connecting', tone: 'busy', text: connections.connecting, detail: onDevice }
  }
  if (status.connection === 'server-busy') {
    return { key: 'busy', tone: 'warn', text: connections['server-busy'], detail: onDevice }
  }
  if (underway > 0) return { key: 'syncing', tone: 'busy', text: saved.syncing(underway), detail: onDevice }
  return { key: 'saved', tone: 'good', text: saved.allServer, detail: '' }
}
