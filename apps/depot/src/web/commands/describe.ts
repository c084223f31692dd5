import { evolveState, initialState, parseStreamId, type DomainEvent } from '@tidemark/core'
import { Order, Product, type OrderState } from '@tidemark/depot/domain'
import { words, type OrderContext } from '../words.ts'

/**
 * One sentence for what happened. `before` is the order just before it, where that is known; `names` is one that may
 * be newer, for the names of its lines.
 */
export function describeEvent(event: DomainEvent, before: OrderState | undefined, names?: OrderState): string {
  const phrase = phraseOf<OrderContext>(event.type, words.orderEvents, words.productEvents)
  return phrase === undefined ? words.unknownEvent(event.type) : phrase(event.data, { before, names })
}

/**
 * One sentence for what a command asks. Its input is what an older release may have stored, so words that do not fit
 * it are not a reason to break the screen.
 */
export function describeCommand(type: string, input: unknown, order: OrderState | undefined): string {
  const phrase = phraseOf<OrderState | undefined>(type, words.orderCommands, words.productCommands)
  try {
    return phrase === undefined ? words.unknownCommand(type) : phrase(input, order)
  } catch {
    return words.unknownCommand(type)
  }
}

/** What kind of command it was, where its input is lost: `order.addLine` to `Add line`. */
export function commandTitle(type: string): string {
  const name = type.slice(type.lastIndexOf('.') + 1).replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
  return name.charAt(0).toUpperCase() + name.slice(1)
}

/**
 * The order before each of its events, oldest first; `undefined` from the first gap on, which may be the start: what
 * is only on this device continues a history that is not.
 */
export function statesBefore(events: readonly (DomainEvent | undefined)[]): readonly (OrderState | undefined)[] {
  let current: { readonly version: number; readonly state: OrderState } | undefined = initialState(Order)
  return events.map((event) => {
    if (event === undefined || event.version !== (current?.version ?? 0) + 1) current = undefined
    if (event === undefined || current === undefined) return undefined
    const before = current.state
    current = evolveState(Order, current, event)
    return before
  })
}

/** What a stream is to a person: its kind and the part of its id that screens and links use. */
export function subjectOf(stream: string): { readonly kind: 'order' | 'product' | 'other'; readonly key: string } {
  const parsed = parseStreamId(stream)
  if (parsed?.aggregate === Order.name) return { kind: 'order', key: parsed.key }
  if (parsed?.aggregate === Product.name) return { kind: 'product', key: parsed.key }
  return { kind: 'other', key: stream }
}

function phraseOf<Context>(
  type: string,
  ofOrder: object,
  ofProduct: object,
): ((value: unknown, context: Context) => string) | undefined {
  const [aggregate, member = ''] = type.split('.')
  const phrases = aggregate === Order.name ? ofOrder : aggregate === Product.name ? ofProduct : {}
  return Object.hasOwn(phrases, member)
    ? (phrases as Record<string, (value: unknown, context: Context) => string>)[member]
    : undefined
}
