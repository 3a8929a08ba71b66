/** One vehicle, whole: its sensors' twins in a yard, the centre, and the runtime as a process of its own. */
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { parse } from 'yaml'
import type { IgvProfile } from '../../profiles/profile.ts'
import { newAuthority, provision } from '../authority/authority.ts'
import { root } from '../house/sources.ts'
import { Centre } from './centre.ts'
import { IgvWorld } from './igv-world.ts'
import { RuntimeProcess } from './runtime-process.ts'
import { writeSiteProfile } from './site-profile.ts'

export interface IgvSiteOptions {
  /** Where everything of this site is kept. */
  folder: string
  /** The program's file; its sources unless given. */
  program?: string
  /** Changes to the profile. */
  changes?: readonly { path: readonly string[]; value: unknown }[]
}

export const igvProfileFile = join(root, 'profiles', 'igv.yaml')

/** A busy machine must not look like a fault of a sensor. */
export const patient = [
  ...['front', 'rear', 'bumper', 'tail'].flatMap((part) => [
    { path: ['parts', part, 'silent_ms'], value: 1_500 }, { path: ['parts', part, 'late_ms'], value: 2_000 }, { path: ['parts', part, 'clock_jump_ms'], value: 2_000 },
    { path: ['parts', part, 'lost_share_max'], value: 0.9 }, { path: ['parts', part, 'turn_ms'], value: 5_000 }, { path: ['parts', part, 'well_ms'], value: 300 },
    { path: ['obstacles', 'sources', part, 'stale_ms'], value: 1_500 },
  ]),
  { path: ['obstacles', 'latency_ms_max'], value: 1_000 },
]

export class IgvSite {
  readonly world: IgvWorld
  readonly centre: Centre
  readonly runtime: RuntimeProcess
  readonly state: string

  private constructor(parts: Pick<IgvSite, 'world' | 'centre' | 'runtime' | 'state'>) {
    this.world = parts.world
    this.centre = parts.centre
    this.runtime = parts.runtime
    this.state = parts.state
  }

  /** Makes the site; `runtime.start` then starts its runtime. */
  static async make({ folder, program, changes = [] }: IgvSiteOptions): Promise<IgvSite> {
    const { device, obstacles } = parse(readFileSync(igvProfileFile, 'utf8')) as IgvProfile
    const state = join(folder, 'state')
    await mkdir(state, { recursive: true })
    const authority = newAuthority()
    await provision(state, { journal: randomBytes(32), lists: randomBytes(32), authority: authority.publicPem })
    const centre = await Centre.start({ site: device.site, device: device.id, authority: authority.privateKey })
    const world = new IgvWorld(obstacles.sources)
    const places = await world.start()
    const profile = join(folder, 'igv.yaml')
    writeSiteProfile({ from: igvProfileFile, to: profile, places, broker: centre.broker.url, changes })
    const runtime = new RuntimeProcess({ profile, state, log: join(folder, 'runtime.log'), ...(program === undefined ? {} : { program }) })
    return new IgvSite({ world, centre, runtime, state })
  }

  async stop(): Promise<void> {
    try {
      await this.runtime.stop()
    } finally {
      await this.world.stop()
      await this.centre.stop()
    }
  }
}
