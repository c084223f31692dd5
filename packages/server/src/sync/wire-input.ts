import {
  PROTOCOL_VERSION,
  validate,
  type AnySchema,
  type OutputOf,
  type UpgradeRequired,
  type ValidationIssue,
} from '@tidemark/core'

/** A request that is not one of the protocol. Its issues go back to the sender. */
export class MalformedRequest extends Error {
  override readonly name = 'MalformedRequest'
  readonly issues: readonly ValidationIssue[]

  constructor(issues: readonly ValidationIssue[]) {
    super('The request does not match the protocol.')
    this.issues = issues
  }
}

export type WireInput<T> = { readonly kind: 'request'; readonly request: T } | UpgradeRequired

/**
 * Parses a request. The protocol version comes first: a client of another version sends other shapes, and is to be
 * told that it is too old, not that it is malformed.
 *
 * @throws MalformedRequest
 */
export function wireInput<S extends AnySchema>(schema: S): (value: unknown) => WireInput<OutputOf<S>> {
  return (value) => {
    const protocol =
      typeof value === 'object' && value !== null ? (value as { protocol?: unknown }).protocol : undefined
    if (typeof protocol !== 'number' || !Number.isInteger(protocol) || protocol < 0) {
      throw new MalformedRequest([{ path: 'protocol', message: 'the version of the protocol is missing' }])
    }
    if (protocol !== PROTOCOL_VERSION) return { kind: 'upgrade', protocol: PROTOCOL_VERSION }
    const checked = validate(schema, value)
    if (!checked.ok) throw new MalformedRequest(checked.issues.slice(0, 20))
    return { kind: 'request', request: checked.value }
  }
}
