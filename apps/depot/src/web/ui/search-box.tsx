import type { ReactNode } from 'react'
import { Search, X } from 'lucide-react'
import { texts } from '../texts.ts'
import { inputClass } from './field.tsx'

interface SearchBoxProps {
  readonly label: string
  readonly text: string
  readonly onText: (text: string) => void
}

/** The screen's search field; `/` moves here (`data-search` is what the shortcut looks for). */
export function SearchBox({ label, text, onText }: SearchBoxProps): ReactNode {
  return (
    <div className="relative min-w-40 flex-1 basis-44 sm:max-w-sm">
      <Search
        size={16}
        aria-hidden
        className="pointer-events-none absolute top-1/2 left-3 -translate-y-1/2 text-soft"
      />
      <input
        type="search"
        data-search
        aria-label={label}
        placeholder={label}
        value={text}
        onChange={(event) => onText(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === 'Escape' && text !== '') onText('')
        }}
        className={`${inputClass} pr-9 pl-9`}
      />
      {text !== '' && (
        <button
          type="button"
          aria-label={texts.clearSearch}
          onClick={() => onText('')}
          className="absolute top-1/2 right-1.5 flex size-7 -translate-y-1/2 items-center justify-center rounded-md text-soft hover:text-ink"
        >
          <X size={15} aria-hidden />
        </button>
      )}
    </div>
  )
}
