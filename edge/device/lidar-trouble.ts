/** How a lidar's health says which trouble it has, and how to read it from there. */
import type { ErrorCode } from '../base/error.ts'
import type { LidarTrouble } from './capabilities.ts'
import type { Health } from './contract.ts'

/** What a driver can find by itself; the rest takes knowledge of the mounting. */
export type StreamTrouble = Exclude<LidarTrouble, 'reversed' | 'upside-down'>

export const troubleCode = {
  silent: 'PC-LIDAR-SILENT',
  frozen: 'PC-LIDAR-FROZEN',
  foreign: 'PC-LIDAR-FOREIGN',
  storm: 'PC-LIDAR-STORM',
  clock: 'PC-LIDAR-CLOCK',
  'wrong-sensor': 'PC-LIDAR-WRONG-SENSOR',
  damaged: 'PC-LIDAR-DAMAGED',
  lossy: 'PC-LIDAR-LOSSY',
  late: 'PC-LIDAR-LATE',
  fault: 'PC-LIDAR-FAULT',
  blinded: 'PC-LIDAR-DIRTY',
} as const satisfies Record<StreamTrouble, ErrorCode>

const says = {
  silent: 'sends nothing',
  frozen: 'sends the same points again and again',
  foreign: 'is not heard: only packets of something else arrive',
  storm: 'sends, or is sent, far more packets than such a sensor has',
  clock: 'has a clock that jumped',
  'wrong-sensor': 'is another sensor than the one that the profile describes',
  damaged: 'sends packets that are damaged',
  lossy: 'loses packets on the way',
  late: 'sends packets that arrive too late',
  fault: 'does not turn, or reports a fault of its own',
  blinded: 'reports that its window is too dirty to see through',
} as const satisfies Record<StreamTrouble, string>

/** One plain sentence on a trouble of the component of that name. */
export const troubleSays = (component: string, trouble: StreamTrouble): string => `${component} ${says[trouble]}.`

const troubles = new Map<string, StreamTrouble>(Object.entries(troubleCode).map(([trouble, code]) => [code, trouble as StreamTrouble]))

/**
 * Why the points of a lidar of this health must not be believed; `undefined` when they may be. A
 * lidar that is not ready for any other reason (stopped, starting, its port taken) counts as silent.
 */
export function troubleOf(health: Health): StreamTrouble | undefined {
  if (health.status === 'ready' || health.status === 'degraded') return undefined
  if (health.code === 'PC-LINK-WRONG-DEVICE') return 'wrong-sensor'
  return troubles.get(health.code ?? '') ?? 'silent'
}
