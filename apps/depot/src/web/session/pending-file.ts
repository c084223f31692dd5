import type { ImportResult, PendingExport, TidemarkClient } from '@tidemark/client'

/** Unsent changes as a file: for who leaves a device, or does not trust it. */
export function savePendingFile(pending: PendingExport): void {
  const link = document.createElement('a')
  const url = URL.createObjectURL(new Blob([JSON.stringify(pending, null, 2)], { type: 'application/json' }))
  link.href = url
  link.download = `depot-unsent-${pending.principal}-${pending.exportedAt.slice(0, 10)}.json`
  link.click()
  // The download has its own hold on the content by then.
  setTimeout(() => URL.revokeObjectURL(url), 60_000)
}

/** Takes such a file back. */
export async function loadPendingFile(client: TidemarkClient, file: File): Promise<ImportResult> {
  let content: unknown
  try {
    content = JSON.parse(await file.text())
  } catch {
    content = null
  }
  return await client.importPending(content)
}
