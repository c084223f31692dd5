import type { EventData, OutputOf, RefusalCode } from '@tidemark/core'
import type { Attention, PendingCause, SyncStatus } from '@tidemark/client'
import type { Order, OrderState, Product } from '@tidemark/depot/domain'
import { formatChange, formatClock, formatCount, formatMoney, LOCALE } from './format.ts'

/**
 * Every sentence of the app, by key. What the domain declares is covered by type: an event, a command or a refusal
 * code without words does not compile. Another language is another object of this shape.
 */

const rules = new Intl.PluralRules(LOCALE)
function plural(count: number, one: string, other: string): string {
  return `${formatCount(count)} ${rules.select(count) === 'one' ? one : other}`
}

const person = (customer: { readonly firstName: string; readonly lastName: string }): string =>
  `${customer.firstName} ${customer.lastName}`.trim()
const quoted = (text: string): string => `\u201c${text}\u201d`
const because = (reason: string): string => (reason === '' ? '' : `: ${reason}`)
const forOrder = (order: string): string => (order === '' ? '' : ` for order ${order}`)

/** Name of a line's product, as far as the order is known. */
function lineName(order: OrderState | undefined, line: string): string {
  const found = order?.lines[line]
  return found === undefined ? 'a line' : found.description || found.product
}

type OrderEvents = (typeof Order)['events']
type ProductEvents = (typeof Product)['events']
type OrderCommands = (typeof Order)['commands']
type ProductCommands = (typeof Product)['commands']

/** What a sentence may lean on: the order just before the event, and one that at least names the lines. */
export interface OrderContext {
  readonly before: OrderState | undefined
  readonly names: OrderState | undefined
}

/** What happened, past tense. */
const orderEvents: {
  readonly [Name in keyof OrderEvents]: (data: EventData<OrderEvents[Name]>, order: OrderContext) => string
} = {
  placed: (e) => `Placed for ${person(e.customer)}`,
  lineAdded: (e) => `${formatCount(e.quantity)} × ${e.description || e.product} added at ${formatMoney(e.unitPrice)}`,
  quantityChanged: (e, order) => {
    const from = order.before?.lines[e.line]?.quantity
    const was = from === undefined ? '' : ` from ${formatCount(from)}`
    return `Quantity of ${lineName(order.before ?? order.names, e.line)} changed${was} to ${formatCount(e.quantity)}`
  },
  lineRemoved: (e, order) => `${lineName(order.before ?? order.names, e.line)} removed`,
  noteSet: (e) => (e.note === '' ? 'Note cleared' : `Note set to ${quoted(e.note)}`),
  customerChanged: (e) => `Customer changed to ${person(e.customer)}`,
  shipped: (e) => `Shipped with ${e.carrier || 'an unnamed carrier'}`,
  cancelled: (e) => `Cancelled${because(e.reason)}`,
  returned: (e, order) =>
    `${formatCount(e.quantity)} × ${lineName(order.before ?? order.names, e.line)} returned${because(e.reason)}`,
  markedShort: (e, order) =>
    `Not enough stock for ${formatCount(e.wanted)} × ${lineName(order.before ?? order.names, e.line)}: ${formatCount(e.free)} free`,
  stockAsked: (e, order) => `Stock asked for again for ${lineName(order.before ?? order.names, e.line)}`,
}

const productEvents: { readonly [Name in keyof ProductEvents]: (data: EventData<ProductEvents[Name]>) => string } = {
  registered: (e) => `Registered as ${e.description} at ${formatMoney(e.unitPrice)}`,
  received: (e) => `${formatCount(e.quantity)} received${e.reference === '' ? '' : ` (${e.reference})`}`,
  adjusted: (e) => `Count corrected by ${formatChange(e.by)}${because(e.reason)}`,
  reserved: (e) => `${formatCount(e.quantity)} reserved${forOrder(e.order)}`,
  released: (e) => `${formatCount(e.quantity)} released${forOrder(e.order)}`,
  issued: (e) => `${formatCount(e.quantity)} left the house${e.order === '' ? '' : ` with order ${e.order}`}`,
}

/** What somebody wants done, imperative. */
const orderCommands: {
  readonly [Name in keyof OrderCommands]: (
    input: OutputOf<OrderCommands[Name]['schema']>,
    order: OrderState | undefined,
  ) => string
} = {
  place: (c) => `Place order ${c.number} for ${person(c.customer)}`,
  addLine: (c) => `Add ${formatCount(c.quantity)} × ${c.description || c.product}`,
  changeQuantity: (c, order) => `Change quantity of ${lineName(order, c.line)} to ${formatCount(c.quantity)}`,
  removeLine: (c, order) => `Remove ${lineName(order, c.line)}`,
  setNote: (c) => (c.note === '' ? 'Clear the note' : `Set the note to ${quoted(c.note)}`),
  changeCustomer: (c) => `Change the customer to ${person(c.customer)}`,
  ship: (c) => `Ship with ${c.carrier}`,
  cancel: (c) => `Cancel the order${because(c.reason)}`,
  return: (c, order) => `Return ${formatCount(c.quantity)} × ${lineName(order, c.line)}${because(c.reason)}`,
  markShort: (c, order) => `Mark ${lineName(order, c.line)} as short`,
  askForStock: (c, order) => `Ask for stock again for ${lineName(order, c.line)}`,
}

const productCommands: {
  readonly [Name in keyof ProductCommands]: (input: OutputOf<ProductCommands[Name]['schema']>) => string
} = {
  register: (c) => `Register as ${c.description} at ${formatMoney(c.unitPrice)}`,
  receive: (c) => `Receive ${formatCount(c.quantity)}${c.reference === '' ? '' : ` (${c.reference})`}`,
  adjust: (c) => `Correct the count by ${formatChange(c.by)}${because(c.reason)}`,
  reserve: (c) => `Reserve ${formatCount(c.quantity)}${forOrder(c.order)}`,
  release: (c) => `Release ${formatCount(c.quantity)}${forOrder(c.order)}`,
  reserveForLine: (c) => `Reserve ${formatCount(c.quantity)}${forOrder(c.order)}`,
  releaseForLine: (c) => `Release what is reserved${forOrder(c.order)}`,
  issueForLine: (c) => `Take what is reserved out of stock${forOrder(c.order)}`,
}

type Codes = RefusalCode<OrderCommands[keyof OrderCommands]> | RefusalCode<ProductCommands[keyof ProductCommands]>
type Params = Readonly<Record<string, unknown>>

/** Why the domain said no, and what to do next. */
export interface RefusalWords {
  readonly why: string
  readonly next: string
}

const status = { new: 'New', open: 'Open', shipped: 'Shipped', cancelled: 'Cancelled' } as const
const statusOf = (params: Params): string =>
  params['status'] === 'new' ? 'not placed yet' : typeof params['status'] === 'string' ? params['status'] : 'closed'
const number = (value: unknown): string => (typeof value === 'number' ? formatCount(value) : '0')

const refusals: Readonly<Record<Codes, (params: Params) => RefusalWords>> = {
  already_placed: () => ({ why: 'This order has already been placed.', next: 'Open the order and change it there.' }),
  not_open: (p) => ({
    why: `The order is ${statusOf(p)}, so it cannot be changed any more.`,
    next: 'Put it in a new order, or discard it.',
  }),
  no_such_line: () => ({
    why: 'That line is not on the order any more.',
    next: 'Add the product again, or discard it.',
  }),
  not_placed: () => ({ why: 'The order has not been placed.', next: 'Place the order first.' }),
  no_lines: () => ({ why: 'There is nothing on the order to ship.', next: 'Add a line first.' }),
  not_shipped: (p) => ({
    why: `The order is ${statusOf(p)}: nothing of it has left the house.`,
    next: 'Change or remove the line instead.',
  }),
  more_than_shipped: (p) => ({
    why: `Only ${number(p['left'])} of this line can still come back.`,
    next: 'Enter a smaller quantity.',
  }),
  already_registered: () => ({ why: 'This stock code is taken.', next: 'Choose another code.' }),
  below_zero: (p) => ({
    why: `Only ${number(p['onHand'])} are on hand: the count would go below zero.`,
    next: 'Count again and enter a smaller correction.',
  }),
  not_enough_stock: (p) => ({
    why: `Only ${number(p['free'])} are free to reserve.`,
    next: 'Reserve fewer, or receive more first.',
  }),
  more_than_reserved: (p) => ({
    why: `Only ${number(p['reserved'])} are reserved by hand.`,
    next: 'Release at most that many. What an order reserved goes back when its line is changed.',
  }),
}

const roles: Readonly<Record<string, string>> = { manager: 'Manager', clerk: 'Clerk', picker: 'Picker' }

const causes: { readonly [Kind in PendingCause['kind']]: (cause: Extract<PendingCause, { kind: Kind }>) => string } = {
  next: () => 'Goes next',
  offline: () => 'Waits for a connection',
  'sign-in': () => 'Waits until you sign in again',
  upgrade: () => 'Waits for the new version of the app',
  'server-busy': () => 'The server is busy; tries again soon',
  behind: () => 'Waits for an earlier change of the same item',
  blocked: () => 'Waits behind a change that needs your attention',
  storage: () => 'This device is out of space; it goes on when there is some',
  sending: () => 'On its way to the server',
  'awaiting-outcome': (cause) =>
    cause.answer === 'accepted' ? 'Accepted; being confirmed' : 'Not accepted; details are on their way',
  'no-longer-holds': (cause) => `Probably too late: ${refusalWords(cause.code, cause.params).why}`,
  attention: () => 'Needs your attention',
}

const attentionTitles: Readonly<Record<Attention['reason']['kind'], string>> = {
  conflict: 'Changed by someone else too',
  refused: 'Not accepted',
  invalid: 'Not accepted by the server',
  forbidden: 'Not allowed',
  'no-longer-holds': 'Probably too late',
}

const connections: Readonly<Record<SyncStatus['connection'], string>> = {
  offline: 'Offline',
  connecting: 'Connecting',
  live: 'Connected',
  'needs-sign-in': 'Sign in to sync',
  'upgrade-required': 'Update needed',
  'server-busy': 'Server busy',
  'storage-trouble': 'This device cannot save',
}

/** Words for a refusal, also for one of a newer server that this release does not know. */
export function refusalWords(code: string, params: Params): RefusalWords {
  const known = (refusals as Readonly<Record<string, ((params: Params) => RefusalWords) | undefined>>)[code]
  return known?.(params) ?? { why: `It was not accepted (${code}).`, next: 'Edit it and try again, or discard it.' }
}

export const words = {
  plural,
  status,
  roles,
  orderEvents,
  productEvents,
  orderCommands,
  productCommands,
  causes,
  attentionTitles,
  connections,
  unknownEvent: (type: string) => `Something this version of the app cannot show (${type})`,
  unknownCommand: (type: string) => `A change this version of the app cannot show (${type})`,
  you: 'You',
  justNow: 'just now',
  saved: {
    device: 'Saved on this device',
    server: 'Saved on the server',
    allServer: 'All changes saved on the server',
    upToDate: 'Up to date',
    pendingMark: 'Saved on this device, not on the server yet',
    attentionMark: 'Needs attention',
    countDevice: (count: number) => `${plural(count, 'change', 'changes')} saved on this device`,
    countServer: (count: number) => `${plural(count, 'change', 'changes')} saved on the server`,
    attention: (count: number) => `${plural(count, 'change needs', 'changes need')} attention`,
    syncing: (count: number) => `Syncing ${plural(count, 'change', 'changes')}`,
    asOf: (iso: string | null, now: number) => (iso === null ? 'Not synced yet' : `As of ${formatClock(iso, now)}`),
    full: 'Too many unsent changes',
    loading: (progress: number | undefined) =>
      progress === undefined ? 'Loading data' : `Loading data, ${Math.round(progress * 100)}\u202f%`,
  },
  problems: {
    storage: 'This device could not save it, so nothing was changed. Free some space and try again.',
    full: 'This device holds as many unsent changes as it may, so nothing was changed. They are safe. Connect to the server: there is room as soon as some have got through.',
    notLoaded:
      'A part of the app could not be fetched, so nothing was changed. Try again when you are connected, or reload the page.',
    forbidden: 'Your role does not allow this.',
    gone: 'This has been settled in the meantime.',
    inFlight: 'It is on its way to the server right now. Try again in a moment.',
    unexpected: 'That did not work because of an error in the app. Nothing was changed.',
    invalid: 'Please correct the marked fields.',
    serverRefusedInput: 'The server could not read this change. Edit it and try again, or discard it.',
    forbiddenByServer: 'Your role did not allow this when it reached the server. Ask a manager, or discard it.',
    stillUndecided: 'The server has not decided on it yet.',
  },
} as const
