/** One e-Gate, whole: emulated hardware, centre, and the runtime as a process of its own. */
import { existsSync, readFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { parse } from 'yaml'
import type { Via } from '../../drivers/kit/twin.ts'
import { systemClock } from '../../edge/base/clock.ts'
import { UsageError } from '../../edge/base/error.ts'
import { within } from '../../edge/base/wait.ts'
import { WriterLock } from '../../edge/journal/lock.ts'
import type { EgateProfile } from '../../profiles/profile.ts'
import type { Authority } from '../authority/authority.ts'
import { root } from '../house/sources.ts'
import { Centre } from './centre.ts'
import { EgateWorld } from './egate-world.ts'
import { PageWatch } from './page-watch.ts'
import { traveller, type Traveller } from './people.ts'
import { type Ready, RuntimeProcess } from './runtime-process.ts'
import { writeSiteProfile } from './site-profile.ts'
import { makeState, readFaces } from './site-state.ts'

export interface EgateSiteOptions {
  /** Where everything of this site is kept. */
  folder: string
  /** How many different travellers may come. */
  travellers: number
  /** The program's file; its sources unless given. */
  program?: string
  port?: number
  via?: Via
  /** How fast the fingerprint module is: 1 as a real one. */
  tempo?: number
  /** What the relay board says that it runs. */
  boardFirmware?: string
  /** Changes to the profile. */
  changes?: readonly { path: readonly string[]; value: unknown }[]
}

const whole_ms_max = 60_000
const profileFile = join(root, 'profiles', 'egate.yaml')

export class EgateSite {
  readonly world: EgateWorld
  readonly centre: Centre
  readonly runtime: RuntimeProcess
  readonly page: PageWatch
  readonly travellers: readonly Traveller[]
  readonly state: string
  readonly authority: Authority

  private constructor(parts: Pick<EgateSite, 'world' | 'centre' | 'runtime' | 'travellers' | 'state' | 'authority'>) {
    this.world = parts.world
    this.centre = parts.centre
    this.runtime = parts.runtime
    this.travellers = parts.travellers
    this.state = parts.state
    this.authority = parts.authority
    this.page = new PageWatch(() => this.runtime.page)
  }

  /** Makes the site; `start` then starts its runtime. @throws UsageError (PC-SITE-FOLDER) where another site runs. */
  static async make(options: EgateSiteOptions): Promise<EgateSite> {
    const { folder, port = 0, tempo = 1, via, boardFirmware, changes } = options
    const faces = await readFaces()
    const cast = { faces: faces.people.map(({ id }) => id), photographed: faces.attacks['photo']?.of ?? '' }
    const travellers = Array.from({ length: options.travellers }, (_, number) => traveller(number, cast))
    const { device, lists } = parse(readFileSync(profileFile, 'utf8')) as EgateProfile
    await mkdir(folder, { recursive: true })
    const state = join(folder, 'state')
    demandFree(state)
    const authority = await makeState(state, lists.folder, travellers, faces)
    const centre = await Centre.start({ site: device.site, device: device.id, authority: authority.privateKey })
    const world = new EgateWorld(faces, { tempo, ...(via === undefined ? {} : { via }), ...(boardFirmware === undefined ? {} : { boardFirmware }) })
    const profile = join(folder, 'egate.yaml')
    const places = await world.start()
    writeSiteProfile({ from: profileFile, to: profile, places, broker: centre.broker.url, port, ...(changes === undefined ? {} : { changes }) })
    const runtime = new RuntimeProcess({ profile, state, log: join(folder, 'runtime.log'), ...(options.program === undefined ? {} : { program: options.program }) })
    return new EgateSite({ world, centre, runtime, travellers, state, authority })
  }

  /** Resolves when the gate can do all that its travellers expect: face recognition takes longest to load. */
  async start(): Promise<Ready> {
    const whole = new Promise<void>((resolve) => {
      const remove = this.centre.facts.add(({ kind, body }) => {
        const { component, status } = body as { component?: string; status?: string }
        if (kind !== 'device.health' || component !== 'face' || status !== 'ready') return
        remove()
        resolve()
      })
    })
    const ready = await this.runtime.start()
    await within({ clock: systemClock, limit_ms: whole_ms_max, code: 'PC-SITE-RUNTIME', message: 'Face recognition was not ready in time: has make setup made the models?' }, () => whole)
    return ready
  }

  async stop(): Promise<void> {
    this.page.stop()
    try {
      await this.runtime.stop()
    } finally {
      await this.world.stop()
      await this.centre.stop()
    }
  }
}

/** A site makes its state anew: not under a runtime that uses it. */
function demandFree(state: string): void {
  const lock = join(state, 'journal.db.lock')
  if (!existsSync(lock)) return
  try {
    new WriterLock(lock).close()
  } catch (cause) {
    throw new UsageError('PC-SITE-FOLDER', `Another site runs in ${state}: end it, or take another folder (--folder).`, { cause })
  }
}
