/**
 * Orders of November 2010, as the release before this one stored them: a customer was one string then. They are what a
 * house that has used the app for a while brings along.
 */
export interface OrderFromBefore {
  readonly number: string
  readonly customerName: string
  readonly country: string
  readonly note: string
  readonly placedAt: string
  readonly placedBy: 'ada' | 'ben'
  readonly lines: readonly (readonly [product: string, description: string, quantity: number, unitPrice: number])[]
  readonly then: readonly (
    | { readonly kind: 'shipped'; readonly at: string; readonly by: 'ada' | 'cleo'; readonly carrier: string }
    | { readonly kind: 'cancelled'; readonly at: string; readonly by: 'ada' | 'ben'; readonly reason: string }
    | {
        readonly kind: 'returned'
        readonly at: string
        readonly by: 'ada' | 'ben'
        /** Which of the lines, from 0. */
        readonly line: number
        readonly quantity: number
        readonly reason: string
      }
  )[]
}

const shipped = (at: string, carrier = 'Royal Mail') => ({ kind: 'shipped', at, by: 'cleo', carrier }) as const

export const ORDERS_FROM_BEFORE: readonly OrderFromBefore[] = [
  {
    number: '535804',
    customerName: 'Margaret Ellison',
    country: 'United Kingdom',
    note: 'Rear entrance, ring twice.',
    placedAt: '2010-11-08T09:14:00.000Z',
    placedBy: 'ben',
    lines: [
      ['85123A', 'WHITE HANGING HEART T-LIGHT HOLDER', 24, 255],
      ['71053', 'WHITE METAL LANTERN', 6, 339],
    ],
    then: [shipped('2010-11-09T08:00:00.000Z')],
  },
  {
    number: '535827',
    customerName: 'Jean-Luc Marchand',
    country: 'France',
    note: '',
    placedAt: '2010-11-09T11:02:00.000Z',
    placedBy: 'ada',
    lines: [
      ['22728', 'ALARM CLOCK BAKELIKE PINK', 12, 375],
      ['22727', 'ALARM CLOCK BAKELIKE RED', 12, 375],
      ['21724', 'PANDA AND BUNNIES STICKER SHEET', 12, 85],
    ],
    then: [
      shipped('2010-11-10T08:00:00.000Z', 'Parcelforce'),
      {
        kind: 'returned',
        at: '2010-11-19T10:31:00.000Z',
        by: 'ben',
        line: 0,
        quantity: 2,
        reason: 'Arrived with broken glass',
      },
    ],
  },
  {
    number: '535851',
    customerName: 'Priya Raman',
    country: 'United Kingdom',
    note: '',
    placedAt: '2010-11-10T14:47:00.000Z',
    placedBy: 'ben',
    lines: [['84879', 'ASSORTED COLOUR BIRD ORNAMENT', 32, 169]],
    then: [shipped('2010-11-11T08:00:00.000Z')],
  },
  {
    number: '535878',
    customerName: 'Owen Pritchard',
    country: 'United Kingdom',
    note: 'Gift wrap, no invoice in the parcel.',
    placedAt: '2010-11-11T10:20:00.000Z',
    placedBy: 'ben',
    lines: [
      ['22752', 'SET 7 BABUSHKA NESTING BOXES', 2, 765],
      ['21730', 'GLASS STAR FROSTED T-LIGHT HOLDER', 6, 425],
    ],
    then: [{ kind: 'cancelled', at: '2010-11-11T15:05:00.000Z', by: 'ben', reason: 'Ordered twice by mistake' }],
  },
  {
    number: '535903',
    customerName: 'Siobhan Kelly',
    country: 'EIRE',
    note: '',
    placedAt: '2010-11-12T09:38:00.000Z',
    placedBy: 'ada',
    lines: [
      ['22423', 'REGENCY CAKESTAND 3 TIER', 4, 1275],
      ['22699', 'ROSES REGENCY TEACUP AND SAUCER', 12, 295],
    ],
    then: [shipped('2010-11-15T08:00:00.000Z', 'An Post')],
  },
  {
    number: '535926',
    customerName: 'Tomasz Zielinski',
    country: 'Poland',
    note: 'Telephone before delivery.',
    placedAt: '2010-11-15T13:12:00.000Z',
    placedBy: 'ben',
    lines: [['22197', 'SMALL POPCORN HOLDER', 36, 85]],
    then: [shipped('2010-11-16T08:00:00.000Z', 'Parcelforce')],
  },
  {
    number: '535948',
    customerName: 'Hannah van der Berg',
    country: 'Netherlands',
    note: '',
    placedAt: '2010-11-16T16:55:00.000Z',
    placedBy: 'ada',
    lines: [
      ['22326', 'ROUND SNACK BOXES SET OF4 WOODLAND', 24, 295],
      ['22629', 'SPACEBOY LUNCH BOX', 12, 195],
      ['22631', 'CIRCUS PARADE LUNCH BOX', 12, 195],
    ],
    then: [shipped('2010-11-17T08:00:00.000Z', 'Parcelforce')],
  },
  {
    number: '535971',
    customerName: 'Gareth Lloyd',
    country: 'United Kingdom',
    note: '',
    placedAt: '2010-11-18T10:03:00.000Z',
    placedBy: 'ben',
    lines: [['22960', 'JAM MAKING SET WITH JARS', 6, 425]],
    then: [
      shipped('2010-11-19T08:00:00.000Z'),
      { kind: 'returned', at: '2010-11-25T11:44:00.000Z', by: 'ada', line: 0, quantity: 6, reason: 'Wrong item sent' },
    ],
  },
  {
    number: '535999',
    customerName: 'Ingrid Solberg',
    country: 'Norway',
    note: 'Invoice to head office.',
    placedAt: '2010-11-22T12:29:00.000Z',
    placedBy: 'ada',
    lines: [
      ['22086', "PAPER CHAIN KIT 50'S CHRISTMAS", 40, 255],
      ['22910', 'PAPER CHAIN KIT VINTAGE CHRISTMAS', 40, 255],
    ],
    then: [shipped('2010-11-23T08:00:00.000Z', 'Parcelforce')],
  },
  {
    number: '536027',
    customerName: 'Cher',
    country: 'United Kingdom',
    note: '',
    placedAt: '2010-11-24T09:50:00.000Z',
    placedBy: 'ben',
    lines: [['21731', 'RED TOADSTOOL LED NIGHT LIGHT', 24, 165]],
    then: [shipped('2010-11-25T08:00:00.000Z')],
  },
  {
    number: '536058',
    customerName: 'Mary Ann Whitcombe',
    country: 'United Kingdom',
    note: 'Waiting for the second jam set.',
    placedAt: '2010-11-26T15:17:00.000Z',
    placedBy: 'ben',
    lines: [
      ['22961', 'JAM MAKING SET PRINTED', 12, 145],
      ['22993', 'SET OF 4 PANTRY JELLY MOULDS', 12, 125],
    ],
    then: [],
  },
  {
    number: '536071',
    customerName: 'Rafael Ortega',
    country: 'Spain',
    note: '',
    placedAt: '2010-11-29T11:36:00.000Z',
    placedBy: 'ada',
    lines: [
      ['22114', 'HOT WATER BOTTLE TEA AND SYMPATHY', 8, 395],
      ['22633', 'HAND WARMER UNION JACK', 12, 185],
    ],
    then: [],
  },
]
