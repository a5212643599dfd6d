/** Who may have containers. */
import { failure, RUN_EXIT } from '../error.js'

/** @throws MountError for an ordinary user; before anything is made or started */
export function requireRoot(tried: string): void {
  if (process.geteuid?.() === 0) return
  throw failure(tried, 'EPERM', 'containers need root for now; use sudo, or podman with mount_program=tsaufs-overlay (docs/engines.md)', RUN_EXIT.ENGINE)
}
