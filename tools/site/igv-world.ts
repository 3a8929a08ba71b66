/** What surrounds a simulated vehicle, as its sensors see it: their twins, each with its own eyes on one yard. */
import { pandarTwin } from '../../drivers/lidar/hesai/twin.ts'
import { Scene } from '../../drivers/lidar/yard/scene.ts'
import { SickTimTwin } from '../../drivers/lidar/sick-tim/twin.ts'
import type { UdpLidarTwin } from '../../drivers/lidar/yard/udp-twin.ts'
import { vlp16 } from '../../drivers/lidar/velodyne/model.ts'
import { velodyneTwin } from '../../drivers/lidar/velodyne/twin.ts'
import type { ObstacleSetup } from '../../edge/perception/obstacles/setup.ts'

/** How fast the sensors turn against real ones: half as many beams a second spare a small machine, and turns stay whole. */
const slowTurns_rpm = 300

export class IgvWorld {
  readonly front: UdpLidarTwin
  readonly rear: UdpLidarTwin
  readonly bumper: SickTimTwin
  readonly tail: SickTimTwin
  readonly #scenes: readonly Scene[]

  /** @param sources where the profile mounts each sensor. */
  constructor({ front, rear, bumper, tail }: ObstacleSetup['sources'], rpm = slowTurns_rpm) {
    const scenes = [front, rear, bumper, tail].map((source) => new Scene({ mount: source?.mount ?? {} }))
    const [ahead, behind, lowAhead, lowBehind] = scenes
    this.#scenes = scenes
    this.front = pandarTwin({ ...(ahead === undefined ? {} : { scene: ahead }), rpm })
    this.rear = velodyneTwin(vlp16, { ...(behind === undefined ? {} : { scene: behind }), rpm })
    this.bumper = new SickTimTwin(lowAhead === undefined ? {} : { scene: lowAhead })
    this.tail = new SickTimTwin(lowBehind === undefined ? {} : { scene: lowBehind, serial: 20_430_002 })
    this.each((scene) => {
      // The vehicle's own antenna mast, as profiles/igv.yaml names it.
      scene.cylinder({ x: -1.2, y: 0.5, z: 0.3, radius: 0.05, height: 1.8 })
      // The yard: a wall to the left, a stack of containers to the right, far enough from every field.
      scene.wall({ from: [-20, 9], to: [20, 9], height: 3 })
      scene.box({ x: 4, y: -11, length: 12, width: 2.4, height: 2.6 })
    })
  }

  /** Does the same to what every sensor sees. */
  each(change: (scene: Scene) => void): void {
    for (const scene of this.#scenes) change(scene)
  }

  /** Somebody stands or walks there; returns what takes them away. */
  person(person: { x: number; y: number; vx?: number; vy?: number }): () => void {
    const removals = this.#scenes.map((scene) => scene.person(person))
    return () => {
      for (const remove of removals) remove()
    }
  }

  /** Resolves with what the profile must say of each part to find its twin. */
  async start(): Promise<Record<string, Record<string, unknown>>> {
    return { front: await this.front.start(), rear: await this.rear.start(), bumper: await this.bumper.start(), tail: await this.tail.start() }
  }

  async stop(): Promise<void> {
    await Promise.all([this.front.stop(), this.rear.stop(), this.bumper.stop(), this.tail.stop()])
  }
}
