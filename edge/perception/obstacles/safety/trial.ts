/** A vehicle with one lidar in a yard, for the tests: what the monitor decides while turns go by. */
import { parse } from '../../../base/schema.ts'
import type { PointBlock } from '../../../device/points.ts'
import type { Decision, Motion } from '../contract.ts'
import { SafetyMonitor, type SafetyMonitorOptions } from '../monitor.ts'
import { ObstacleSetup } from '../setup.ts'
import { Yard, type YardOptions } from './yard.ts'

export const standing: Motion = { speed_mps: 0, steering_deg: 0, load: 'empty' }

/** One field set ahead: stop up to 8 m, slow up to 12 m. */
export const ahead = {
  name: 'ahead', speed_mps: [-0.1, 3], steering_deg: [-90, 90], limit_mps: 0.4,
  stop: [[0, -1.5], [8, -1.5], [8, 1.5], [0, 1.5]], slow: [[0, -2.5], [12, -2.5], [12, 2.5], [0, 2.5]],
}
export const body = [[[-1, -0.4], [0.1, -0.4], [0.1, 0.4], [-1, 0.4]]]

/** A profile's section with its defaults filled in. */
export function setupOf(section: Record<string, unknown>): ObstacleSetup {
  return parse(ObstacleSetup, { body, fields: [ahead], release_ms: 300, ...section }, 'PC-PROFILE-INVALID', 'obstacles section')
}

export class Trial {
  readonly yard: Yard
  readonly monitor: SafetyMonitor
  motion: Motion | undefined = standing
  readonly #others: readonly ((block: PointBlock) => void)[]

  constructor(yard: YardOptions, section: Record<string, unknown> = {}, source: Record<string, unknown> = {}, options: SafetyMonitorOptions = {}, others: readonly ((block: PointBlock) => void)[] = []) {
    this.yard = new Yard(yard)
    this.monitor = new SafetyMonitor(setupOf({ sources: { front: { mount: this.yard.mount, ...source } }, ...section }), options)
    this.#others = others
  }

  /** The decisions that came, each as long as it held: `stop field ahead.stop`. */
  run(turns: number): string[] {
    const told: string[] = []
    this.yard.run(turns, (block) => {
      if (this.motion !== undefined) this.monitor.onMotion(this.motion, block.received)
      this.monitor.onBlock('front', block)
      for (const other of this.#others) other(block)
      const said = inWords(this.monitor.decision())
      if (said !== told.at(-1)) told.push(said)
    })
    return told
  }

  get said(): string {
    return inWords(this.monitor.decision())
  }
}

export const inWords = ({ level, cause }: Decision): string =>
  [level, cause?.kind, cause?.trouble, cause?.field].filter((word) => word !== undefined).join(' ')
