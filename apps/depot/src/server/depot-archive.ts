import { join } from 'node:path'
import { createFileArchive, type ArchiveStorage } from '@tidemark/store'

/** Where `tidemark store archive` puts events by default, too: whoever reads the log of a data folder needs it. */
export function depotArchive(directory: string): ArchiveStorage {
  return createFileArchive({ directory: join(directory, 'archive') })
}
