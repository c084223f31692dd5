import { createPostgresDriver } from '@tidemark/store'
import { expect, test } from 'vitest'
import { boxes } from '../test-domain.ts'
import { createEngine } from '../test-engine.ts'
import { commitBatch } from './commit-batch.ts'

test('a batch does not wait for the disk, and what comes after it on the connection does', async () => {
  const engine = await createEngine()
  const sql = createPostgresDriver({
    url: engine.url,
    maxConnections: 1,
    applicationName: 'test',
    deadlineMs: 20_000,
  })
  try {
    const projections = await engine.open(boxes)
    await sql.query('create table public.told (setting text)')
    await sql.query(`create function public.tell() returns trigger language plpgsql as
      $$ begin insert into public.told values (current_setting('synchronous_commit')); return new; end $$`)
    await sql.query(`create trigger tell after insert or update of position on tidemark.checkpoints
      for each row when (new.position > 0) execute function public.tell()`)
    projections.start()
    await engine.write({ stream: 'item/1', type: 'item.put', data: { box: 'a', name: 'cup' } })
    await engine.settled(projections)
    expect(await sql.query('select distinct setting from public.told')).toEqual([{ setting: 'off' }])

    const writes = { rows: [], gone: [], tombstones: [], lifted: [], parked: [] }
    const eventId = '0197b1de-0000-7000-8000-000000000001'
    const stale = { consumer: 'synced', lane: 0, from: 0, to: 1, eventId, fence: 0, covered: [], writes }
    expect(await commitBatch(sql, stale)).not.toBe('committed')
    const [after] = await sql.query(`select current_setting('synchronous_commit') as setting`)
    expect(after).toEqual({ setting: 'on' })
  } finally {
    await sql.close(1_000)
    await engine.close()
  }
})
