/** Loads the page anew when it is outdated or broken; never over and over. */
import type { Clock } from '../../base/clock.ts'

const apart_ms = 10_000
const lastKey = 'renewed-at'

/** Loads the page anew, unless that was done a moment ago; then once that moment has passed. */
export function renew(clock: Clock): void {
  const last = Number(sessionStorage.getItem(lastKey) ?? 0)
  const wait_ms = Math.min(apart_ms, Math.max(0, last + apart_ms - clock.wall()))
  clock.after(wait_ms, () => {
    sessionStorage.setItem(lastKey, String(clock.wall()))
    location.reload()
  })
}
