import { useRef, type ReactNode } from 'react'
import { FileUp } from 'lucide-react'
import type { ImportResult } from '@tidemark/client'
import { useClient } from '@tidemark/react'
import { loadPendingFile } from '../session/pending-file.ts'
import { Button } from '../ui/button.tsx'
import { addToast } from '../ui/toasts.ts'
import { texts } from '../texts.ts'
import { words } from '../words.ts'

/** Takes back unsent changes that were saved to a file, here or on another device. */
export function LoadPendingFile(): ReactNode {
  const client = useClient()
  const input = useRef<HTMLInputElement>(null)
  const load = async (file: File): Promise<void> => {
    const result = await loadPendingFile(client, file)
    addToast({ text: sayLoaded(result), ...(result.kind === 'imported' ? {} : { tone: 'bad' }) })
  }
  return (
    <>
      <input
        ref={input}
        type="file"
        accept="application/json,.json"
        aria-label={texts.pendingFile.load}
        className="hidden"
        onChange={({ target }) => {
          const [file] = target.files ?? []
          // The same file may be chosen again.
          if (file !== undefined) void load(file).finally(() => (target.value = ''))
        }}
      />
      <Button icon={<FileUp size={16} aria-hidden />} onClick={() => input.current?.click()}>
        {texts.pendingFile.load}
      </Button>
    </>
  )
}

function sayLoaded(result: ImportResult): string {
  switch (result.kind) {
    case 'imported':
      return texts.pendingFile.loaded(result.added, result.known)
    case 'other-account':
      return texts.pendingFile.otherAccount
    case 'unreadable':
      return texts.pendingFile.unreadable
    case 'storage':
      return words.problems.storage
    case 'not-loaded':
      return words.problems.notLoaded
  }
}
