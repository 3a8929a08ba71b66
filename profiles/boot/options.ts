/** What a device is told by whoever starts it, and what its kind adds to its parts. */
import type { Clock, WallTime } from '../../edge/base/clock.ts'
import type { Logger } from '../../edge/base/log.ts'
import type { Unit } from '../../edge/run/supervisor.ts'
import type { LidarScene } from '../../edge/screen/lidar/teller.ts'
import type { ScreenServer } from '../../edge/screen/server.ts'
import type { LogBook } from '../../edge/service/log-book.ts'

export interface BootOptions {
  /** Where the device keeps its journal, lists, records and credentials. */
  state: string
  clock: Clock
  log: Logger
  /** The memory of that log. */
  book: LogBook
  /** Whoever started the program said how much is logged: the profile then does not. */
  logLevelFixed: boolean
  /** Ends the program, so that it is started again, as a signal would. */
  end(): void
  version: string
  env: Readonly<Record<string, string | undefined>>
  /** Where the program lies: relative paths of the profile that are no state count from here. */
  home: string
  /** Where the bundled page lies. */
  page: string
  /** The programs of the threads, when they are not the sources beside who starts them. */
  workers?: { face: URL; obstacles: URL; tracking: URL; opcua: URL }
}

/** What a kind of device consists of, beside its parts. */
export interface KindUnits {
  units: Unit[]
  /** The last moment that somebody signed for: a clock that leapt far beyond would make every fact old and every day's key due. */
  vouchedUntil?: () => WallTime
  screen?: ScreenServer
  /** What its lidars see, for the technician's page. */
  lidar?: LidarScene
}
