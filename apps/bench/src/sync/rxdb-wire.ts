import type { Item } from '../client/item.ts'

/** What RxDB sends and gets; the documentation of its HTTP replication leaves the shapes to the app. */
export type RxDocument = Item & { readonly _deleted: boolean }

export interface RxCheckpoint {
  readonly changed: number
}

export interface RxBulk {
  readonly documents: RxDocument[]
  readonly checkpoint: RxCheckpoint | undefined
}

export interface RxPushRow {
  readonly newDocumentState: RxDocument
  readonly assumedMasterState?: RxDocument
}
