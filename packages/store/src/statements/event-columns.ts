/** The columns of tidemark.events under the names of `StoredEvent`. */
export const EVENT_COLUMNS = `lane, position, id, tenant, stream, version, type, schema, data, metadata, principal, device,
  command_id as command, occurred_at as "occurredAt", recorded_at as "recordedAt"`
