/** The columns of tidemark.stream_transforms under the names of `TransformEntry`. */
export const TRANSFORM_COLUMNS = `tenant, run, source, source_version as "sourceVersion", target,
  target_version as "targetVersion", state, failure, started_at as "startedAt", finished_at as "finishedAt"`
