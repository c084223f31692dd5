import { describeEventStore } from '@tidemark/testing/event-store-contract'
import { testDatabase } from '@tidemark/testing/postgres'
import { openStore } from './open-store.ts'

describeEventStore('the store on Postgres', async () => {
  const database = await testDatabase()
  const store = await openStore({ url: database.url })
  return {
    store,
    async close() {
      await store.close()
      await database.drop()
    },
  }
})
