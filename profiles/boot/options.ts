/** What a device is told by whoever starts it. */
import type { Clock } from '../../edge/base/clock.ts'
import type { Logger } from '../../edge/base/log.ts'

export interface BootOptions {
  /** Where the device keeps its journal, lists, records and credentials. */
  state: string
  clock: Clock
  log: Logger
  version: string
  env: Readonly<Record<string, string | undefined>>
  /** Where the program lies: relative paths of the profile that are no state count from here. */
  home: string
  /** Where the bundled page lies. */
  page: string
  /** The perception worker's program, when it is not the source beside the service. */
  faceWorker?: URL
}
