import { isSameJson, type DomainEvent, type Json } from '@tidemark/core'
import type { PendingRecord, Prediction } from './records.ts'

export function isSamePrediction(a: Prediction, b: Prediction): boolean {
  return a === b || isSameJson(a as unknown as Json, b as unknown as Json)
}

/** What is folded for a command at present. */
export function foldedEvents(command: Pick<PendingRecord, 'prediction' | 'attention'>): readonly DomainEvent[] {
  return command.attention === null && command.prediction.kind === 'events' ? command.prediction.events : []
}
