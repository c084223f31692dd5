import { useEffect, useMemo, useState } from 'react'
import type { QueryResult } from '@tidemark/client'
import type { QueryDefinition, QueryInput, QueryOutput } from '@tidemark/core'
import { useClient, useSyncStatus } from '@tidemark/react'

/** While a report is being filled for the first time it is asked for again this often. */
const BUILDING_MS = 1_000
/** Others' changes: an answer that has not changed costs the server a look. */
const REFRESH_MS = 15_000

interface Asked<Output> {
  readonly question: string
  readonly result: QueryResult<Output>
}

export interface QueryView<Output> {
  /** The last answer to this question; `undefined` while the first one is on its way. */
  readonly result: QueryResult<Output> | undefined
  /** The last answer to whatever was asked, while the next one is on its way: so that nothing blinks. */
  readonly latest: Output | undefined
}

/**
 * Asks the server, and again when the question changes, when the server is back, when what this device did has reached
 * it, and every now and then while somebody is looking. `input` is compared by its JSON.
 */
export function useQuery<Q extends QueryDefinition>(
  definition: Q,
  input: QueryInput<Q> | undefined,
): QueryView<QueryOutput<Q>> {
  const client = useClient()
  const { connection, pending } = useSyncStatus()
  const live = connection === 'live'
  const question = input === undefined ? '' : JSON.stringify(input)
  const [asked, setAsked] = useState<Asked<QueryOutput<Q>>>()
  const [latest, setLatest] = useState<QueryOutput<Q>>()
  const [again, setAgain] = useState(0)
  const wanted = useMemo(
    () => (question === '' ? undefined : { text: question, input: JSON.parse(question) as QueryInput<Q> }),
    [question],
  )
  useEffect(() => {
    if (wanted === undefined) return undefined
    const left = new AbortController()
    let timer: ReturnType<typeof setTimeout> | undefined
    const askAgain = (ms: number): void => {
      timer = setTimeout(() => (document.hidden ? askAgain(ms) : setAgain((times) => times + 1)), ms)
    }
    void client.query(definition, wanted.input, { signal: left.signal }).then((result) => {
      if (left.signal.aborted) return
      setAsked({ question: wanted.text, result })
      if (result.kind === 'answer') setLatest(result.output)
      askAgain(result.kind === 'building' || result.kind === 'busy' ? BUILDING_MS : REFRESH_MS)
    })
    return () => {
      left.abort()
      clearTimeout(timer)
    }
  }, [client, definition, wanted, live, pending, again])
  return { result: asked?.question === question ? asked.result : undefined, latest }
}
