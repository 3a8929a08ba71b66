/** From the points of one turn to what they show: boxes, without trails, rain and mirror images. */
import { Cells } from './cells.ts'
import type { Cloud } from '../cloud.ts'
import { Clusters } from './clusters.ts'
import { Crowds } from './crowds.ts'
import { Floor } from './floor.ts'
import { Ghosts } from './ghosts.ts'
import type { ObstacleSetup } from '../setup.ts'
import { Measure, Sightings } from './sightings.ts'
import type { SourceTime } from './source-time.ts'
import { Tails } from './tails.ts'
import type { Tracks } from './tracks.ts'
import { cellsMax, sightingsMax, type TrackingSettings } from './settings.ts'
import type { Viewpoint } from './viewpoint.ts'
import { Walls } from './walls.ts'

/** In clusters longer than this, surfaces are looked for, metres. */
const surface_m_min = 1

export class Look {
  readonly sightings = new Sightings(sightingsMax)
  readonly cells: Cells
  readonly clusters: Clusters
  readonly tails: Tails
  readonly ghosts: Ghosts
  readonly #floor: Floor
  readonly #crowds = new Crowds(sightingsMax, cellsMax)
  readonly #walls = new Walls(cellsMax)
  readonly #measure: Measure

  constructor(settings: TrackingSettings, body: ObstacleSetup['body']) {
    this.tails = new Tails(settings)
    this.ghosts = new Ghosts(body)
    this.#floor = new Floor(settings.reach_m)
    this.cells = new Cells(settings.reach_m, cellsMax)
    this.clusters = new Clusters(settings, this.cells.side, cellsMax, sightingsMax)
    this.#measure = new Measure(settings.object_height_m_min)
  }

  /** @param tracks who is expected where: they are kept apart. */
  at(cloud: Cloud, from: Viewpoint, time: SourceTime, tracks: Tracks): void {
    const { cells, clusters, sightings, tails } = this
    tails.mark(cloud, from)
    this.#floor.look(cloud)
    cells.gather(cloud, tails.marked, this.#floor)
    clusters.group(cells, from, tails.step_rad)
    this.#crowds.part(cells, clusters, tracks, time.end_ms)
    this.#walls.clear()
    sightings.count = 0
    // The list grows while it is read: what is parted from a wall comes at its end.
    for (let cluster = 0; cluster < clusters.count; cluster++) this.#see(cluster, from)
    sightings.pairLegs()
    for (let at = 0; at < sightings.count; at++) {
      sightings.time_ms[at] = time.end_ms - time.turn_ms * (1 - (sightings.order[at] ?? 0) / cloud.count)
    }
    this.ghosts.mark(sightings, this.#walls, from)
  }

  #see(cluster: number, from: Viewpoint): void {
    const { cells, clusters, sightings } = this
    const { box } = this.#measure
    const before = sightings.count
    this.#measure.add(sightings, cells, clusters, cluster, this.#floor)
    if (sightings.count === before || box.length < surface_m_min) return
    const clustersBefore = clusters.count
    this.#walls.search(cells, clusters, cluster, clusters.reachAt(box.x, box.y, from, this.tails.step_rad))
    if (clusters.count === clustersBefore) return
    sightings.count = before
    this.#measure.add(sightings, cells, clusters, cluster, this.#floor)
  }
}
