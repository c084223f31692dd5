import type { ReactNode } from 'react'
import type { QueryResult } from '@tidemark/client'
import { texts } from '../texts.ts'

/** Why a report is not there, or may lack something; nothing where all is well. */
export function ReportNote({ result }: { readonly result: QueryResult | undefined }): ReactNode {
  const text = noteOf(result)
  if (text === undefined) return null
  return (
    <p role="status" className="px-4 py-3 text-sm text-soft sm:px-5">
      {text}
    </p>
  )
}

function noteOf(result: QueryResult | undefined): string | undefined {
  const { notes } = texts.overview
  switch (result?.kind) {
    case undefined:
      return undefined
    case 'answer':
      return result.stale ? notes.stale : undefined
    case 'building':
      return notes.building(result.progress)
    case 'offline':
      return notes.offline
    case 'busy':
    case 'late':
      return notes.busy
    case 'needs-sign-in':
      return notes.signIn
    case 'forbidden':
    case 'invalid':
    case 'upgrade-required':
      return notes.unavailable
  }
}
