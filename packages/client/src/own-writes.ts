import { WIRE_LIMITS, type PushReply, type QueryReply, type QueryRequest } from '@tidemark/core'

/** The newest tokens this session's writes have led to: with them a read on the server holds those writes. */
export interface OwnWrites {
  pushed(reply: PushReply): void
  /** The request with the tokens; what the caller asks for itself stays. */
  ask(request: QueryRequest): QueryRequest
  /** An answer that held what was asked for covers all of it with one token. */
  answered(request: QueryRequest, reply: QueryReply): void
}

export function createOwnWrites(): OwnWrites {
  let tokens: readonly string[] = []
  const newest = (all: readonly string[]): readonly string[] => [...new Set(all)].slice(-WIRE_LIMITS.tokensPerRead)
  return {
    pushed: (reply) => {
      if (reply.kind !== 'answers') return
      const accepted = reply.answers.flatMap(({ answer }) => (answer.kind === 'accepted' ? [answer.token] : []))
      // A server without a key to seal with gives empty ones, which no read takes.
      tokens = newest([...tokens, ...accepted.filter((token) => token !== '')])
    },
    ask: (request) => ({ ...request, after: [...newest([...tokens, ...(request.after ?? [])])] }),
    answered: (request, reply) => {
      if (reply.kind === 'late' && reply.reason === 'unknown_token') tokens = []
      if (reply.kind !== 'answer' || reply.stale) return
      const covered = new Set(request.after)
      tokens = newest([reply.token, ...tokens.filter((token) => !covered.has(token))])
    },
  }
}
