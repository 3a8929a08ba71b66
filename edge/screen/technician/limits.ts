/** Every limit of the technician's page. */
import { type PageLimits, pageLimits } from '../page-host.ts'
import type { Rate } from './rates.ts'

export interface TechnicianLimits extends PageLimits {
  /** Pages that are told live values at once, over all people. */
  viewersMax: number
  /** How often changed values are told. */
  tell_ms: number
  /** So often a page hears something even if nothing changed, and is asked whether it is there. */
  beat_ms: number
  /** A page that answers no ping for so long is gone. */
  silent_ms: number
  /** A page that is so far behind is told nothing until it has caught up. */
  buffered_B_max: number
  /** A longer value is told by its length alone. */
  value_B_max: number
  /** Events that wait for one page; older ones give way. */
  eventsMax: number
  /** Logins by address. */
  logins: Rate
  /** Requests of one session. */
  requests: Rate
  /** Messages of one page: a held button sends five a second. */
  messages: Rate
  /** Stills that are waited for at once. */
  stillsMax: number
  /** How long a still is waited for. */
  still_ms: number
  still_B_max: number
  /** How long somebody who asked for a camera may watch it. */
  watch_ms: number
}

export const technicianLimits: Readonly<TechnicianLimits> = {
  ...pageLimits,
  connectionsMax: 64,
  body_B_max: 65_536,
  viewersMax: 8,
  tell_ms: 250,
  beat_ms: 1_000,
  silent_ms: 10_000,
  buffered_B_max: 262_144,
  value_B_max: 32_768,
  eventsMax: 100,
  logins: { burst: 10, per_s: 0.2 },
  requests: { burst: 60, per_s: 20 },
  messages: { burst: 30, per_s: 10 },
  stillsMax: 4,
  still_ms: 3_000,
  still_B_max: 2_000_000,
  watch_ms: 300_000,
}
