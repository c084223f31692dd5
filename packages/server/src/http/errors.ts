import { TRPCError } from '@trpc/server'
import { getHTTPStatusCodeFromError } from '@trpc/server/http'
import { TRPC_ERROR_CODES_BY_KEY } from '@trpc/server/rpc'
import type { FastifyReply } from 'fastify'
import { errorMessage } from '../sync/router.ts'

export type ErrorCode = TRPCError['code']

/** Answers in the shape that tRPC gives its errors, so that clients read one shape, wherever a request was stopped. */
export function sendError(reply: FastifyReply, code: ErrorCode): FastifyReply {
  const httpStatus = getHTTPStatusCodeFromError(new TRPCError({ code }))
  return reply
    .code(httpStatus)
    .header('content-type', 'application/json')
    .send(
      JSON.stringify({
        error: { message: errorMessage(code), code: TRPC_ERROR_CODES_BY_KEY[code], data: { code, httpStatus } },
      }),
    )
}

/** What Fastify stopped a request for. */
export function codeOfStatus(status: number | undefined): ErrorCode {
  switch (status) {
    case 400:
      return 'BAD_REQUEST'
    case 403:
      return 'FORBIDDEN'
    case 404:
      return 'NOT_FOUND'
    case 408:
      return 'TIMEOUT'
    case 413:
      return 'PAYLOAD_TOO_LARGE'
    case 415:
      return 'UNSUPPORTED_MEDIA_TYPE'
    default:
      return status !== undefined && status >= 400 && status < 500 ? 'BAD_REQUEST' : 'INTERNAL_SERVER_ERROR'
  }
}
