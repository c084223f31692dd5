import { createReadStream } from 'node:fs'
import { deriveId, type Principal } from '@tidemark/core'
import { IMPORTER_ID } from '../../domain/index.ts'
import { planImport, type ImportPlan } from './plan.ts'
import type { DirtyLine, InvoiceLine } from './invoice-line.ts'
import { readInvoiceLines } from './read-invoice-lines.ts'
import type { ImportOutcome } from './result.ts'
import { runImport, type ImportProgress, type ImportTarget } from './run-import.ts'

export interface ImportFileOptions {
  readonly path: string
  readonly tenant: string
  readonly target: ImportTarget
  readonly onProgress?: (progress: ImportProgress) => void
  readonly signal?: AbortSignal
}

/** Reads an invoice file and pushes what it asks for. Throws what reading the file throws. */
export async function importFile(options: ImportFileOptions): Promise<ImportOutcome & { readonly plan: ImportPlan }> {
  const { path, tenant, target, onProgress, signal } = options
  const principal = importer(tenant)
  const startedAt = performance.now()
  const read: (InvoiceLine | DirtyLine)[] = []
  for await (const line of readInvoiceLines(createReadStream(path))) read.push(line)
  const plan = planImport(read, principal)
  const device = deriveId('00000000-0000-7000-8000-000000000000', 'import', tenant)
  const outcome = await runImport(plan, {
    principal,
    device,
    target,
    ...(onProgress === undefined ? {} : { onProgress }),
    ...(signal === undefined ? {} : { signal }),
  })
  const seconds = Math.round(performance.now() - startedAt) / 1_000
  return { ...outcome, result: { ...outcome.result, seconds }, plan }
}

/** Who an import acts as: always the same, so that its command ids are known again. */
export function importer(tenant: string): Principal {
  return { id: IMPORTER_ID, tenant, name: 'Import', roles: ['manager'] }
}
