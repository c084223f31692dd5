import { fileURLToPath } from 'node:url'
import { deriveId, hash128, type EventStore, type Principal } from '@tidemark/core'
import type { Logger } from '@tidemark/server'
import { DEMO_ACCOUNTS } from '../accounts.ts'
import { importFile } from '../import/import-file.ts'
import { createImportTarget } from '../import/import-target.ts'
import { runImport, type ImportProgress } from '../import/run-import.ts'
import { appendOrdersFromBefore } from './append-orders-from-before.ts'
import { ORDERS_FROM_BEFORE } from './orders-from-before.ts'
import { planMeadow } from './plan-meadow.ts'

/** The invoice lines that ship with the app. */
export const DEMO_FILE = fileURLToPath(new URL('../../../data/online-retail-2010-12.csv', import.meta.url))

export interface DemoOptions {
  readonly store: EventStore
  readonly onProgress?: (progress: ImportProgress) => void
  readonly signal?: AbortSignal
  readonly logger?: Logger
}

/** Commands that will not change any more: with other ones, another name. */
const DEMO = 'demo 1'
const BASE = '0197b000-0000-7000-8000-000000000000'

/**
 * Fills the two demo houses: twelve orders from before and the invoice file for one, a little for the other. Only the
 * first time; broken off, the next call goes on. `known` where all of it is there.
 *
 * @throws {ImportStalled | ImportStopped}
 */
export async function loadDemo(options: DemoOptions): Promise<'loaded' | 'known'> {
  const { store, logger, onProgress, signal } = options
  if (await isDemoLoaded(store)) return 'known'
  await appendOrdersFromBefore(store, 'harbour', ORDERS_FROM_BEFORE)
  const target = createImportTarget(store, logger)
  const dora = principalOf('meadow', 'dora')
  await runImport(planMeadow(dora), { principal: dora, device: deriveId(BASE, 'meadow'), target })
  await importFile({
    path: DEMO_FILE,
    tenant: 'harbour',
    target,
    ...(onProgress === undefined ? {} : { onProgress }),
    ...(signal === undefined ? {} : { signal }),
  })
  await store.settle({
    tenant: 'harbour',
    stream: 'demo/loaded',
    principal: 'demo',
    device: null,
    command: { id: doneId(), hash: hash128(DEMO) },
    outcome: { kind: 'nothing', version: 0 },
  })
  return 'loaded'
}

/** The mark is the result of a command that changes nothing: it is written last, and it is in every backup. */
export async function isDemoLoaded(store: Pick<EventStore, 'results'>): Promise<boolean> {
  return (await store.results('harbour', 'demo', [doneId()])).has(doneId())
}

function doneId(): string {
  return deriveId(BASE, DEMO)
}

function principalOf(tenant: string, user: string): Principal {
  const account = DEMO_ACCOUNTS.find((one) => one.tenant === tenant && one.user === user)
  if (account === undefined) throw new TypeError(`There is no demo account ${user} in ${tenant}.`)
  return { id: account.user, tenant, name: account.name, roles: account.roles }
}
