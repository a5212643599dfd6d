/** The ledger of a live mount, for who asks from outside. */
import type { CopyUpEntry, LedgerReport, Sum } from '../union/ledger.js'
import { ask } from './client.js'
import type { MountRecord } from './rundir.js'

export type { CopyUpEntry, LedgerReport, Sum }

/** What the daemon of a mount has written down. @throws Error as ask() */
export async function readLedger(record: MountRecord): Promise<LedgerReport> {
  return await ask(record, 'ledger') as LedgerReport
}
