import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react'
import { useLocation, useSearch } from 'wouter'
import type { RowQuery, RowsSnapshot } from '@tidemark/client'
import type { AnyProjection, RowOf } from '@tidemark/core'
import { useRows } from '@tidemark/react'

const FIRST = 200
const STEP = 400

/**
 * A growing window over a list: it asks for the first rows and for more as the reader gets near the end. While
 * another query loads, the rows of the last one stay, so that nothing blinks.
 */
export function useWindow<P extends AnyProjection>(
  projection: P,
  query: RowQuery<RowOf<P>>,
): { readonly snapshot: RowsSnapshot<RowOf<P>>; readonly showMore: () => void } {
  const [asked, setAsked] = useState({ query, limit: FIRST })
  const limit = asked.query === query ? asked.limit : FIRST
  const windowed = useMemo(() => ({ ...query, limit }), [query, limit])
  const snapshot = useRows(projection, windowed)
  const last = useRef(snapshot)
  useLayoutEffect(() => {
    if (snapshot.status === 'ready') last.current = snapshot
  }, [snapshot])
  const ready = snapshot.status === 'ready'
  const showMore = useCallback(() => {
    // While the last step is still being read, the list shown is the old one and its end no reason for another.
    if (ready) setAsked({ query, limit: limit + STEP })
  }, [query, limit, ready])
  return { snapshot: ready ? snapshot : last.current, showMore }
}

const TYPING_MS = 120

/**
 * State that lives in the address, so that back, reload and a shared link keep it. The text is echoed at once and
 * acted on when typing pauses.
 */
export function useListAddress(): {
  readonly params: URLSearchParams
  readonly text: string
  readonly setText: (text: string) => void
  readonly setParam: (name: string, value: string | undefined) => void
} {
  const [path, navigate] = useLocation()
  const search = useSearch()
  const params = useMemo(() => new URLSearchParams(search), [search])
  const inAddress = params.get('q') ?? ''
  const [text, setText] = useState(inAddress)
  const written = useRef(inAddress)

  const setParam = useCallback(
    (name: string, value: string | undefined) => {
      const next = new URLSearchParams(location.search)
      if (value === undefined || value === '') next.delete(name)
      else next.set(name, value)
      const query = next.toString()
      navigate(query === '' ? path : `${path}?${query}`, { replace: true })
    },
    [navigate, path],
  )

  // Back and forward change the address under the field.
  useEffect(() => {
    if (inAddress === written.current) return
    written.current = inAddress
    setText(inAddress)
  }, [inAddress])

  useEffect(() => {
    if (text === written.current) return undefined
    const timer = setTimeout(() => {
      written.current = text
      setParam('q', text)
    }, TYPING_MS)
    return () => clearTimeout(timer)
  }, [text, setParam])

  return { params, text, setText, setParam }
}
