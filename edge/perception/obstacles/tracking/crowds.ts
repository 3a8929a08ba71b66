/**
 * People who come so close to each other that their returns run together: where two or more are followed
 * into one cluster, each of its cells goes to the one who is expected nearest, so that nobody is lost
 * or renamed when they part again.
 */
import type { Cells } from './cells.ts'
import type { Clusters } from './clusters.ts'
import { type Tracks, trackStates } from './tracks.ts'

/** People in one cluster that are kept apart. */
const peopleMax = 4
/** Only what is as large as a person or a cyclist is kept apart, metres. */
const size_m = { min: 0.25, max: 1.8 } as const
/** Two who are expected closer than this are one, metres. */
const apart_m = 0.35
/** Cells around the expected place in which the cluster is looked for. */
const reach = 3
/** Each part has at least so many points. */
const pointsMin = 3

export class Crowds {
  readonly #count: Int32Array
  readonly #x: Float64Array
  readonly #y: Float64Array
  readonly #partOf: Uint8Array
  readonly #sizes = new Int32Array(peopleMax)

  constructor(clustersMax: number, cellsMax: number) {
    this.#count = new Int32Array(clustersMax)
    this.#x = new Float64Array(clustersMax * peopleMax)
    this.#y = new Float64Array(clustersMax * peopleMax)
    this.#partOf = new Uint8Array(cellsMax)
  }

  part(cells: Cells, clusters: Clusters, tracks: Tracks, now_ms: number): void {
    this.#count.fill(0)
    for (let track = 0; track < tracks.max; track++) this.#expect(cells, clusters, tracks, track, now_ms)
    // Parting adds clusters: nobody is expected in those.
    const { count } = clusters
    for (let cluster = 0; cluster < count; cluster++) {
      const people = this.#count[cluster] ?? 0
      if (people > 1 && this.#share(cells, clusters, cluster, people)) clusters.part(cluster, people, this.#partOf, cells)
    }
  }

  #expect(cells: Cells, clusters: Clusters, tracks: Tracks, track: number, now_ms: number): void {
    const size = Math.max(tracks.length[track] ?? 0, tracks.width[track] ?? 0)
    if (tracks.state[track] !== trackStates.confirmed || size < size_m.min || size > size_m.max) return
    const dt = (now_ms - (tracks.seen_ms[track] ?? 0)) / 1_000
    const x = (tracks.x[track] ?? 0) + dt * (tracks.vx[track] ?? 0)
    const y = (tracks.y[track] ?? 0) + dt * (tracks.vy[track] ?? 0)
    const cluster = nearestCluster(cells, clusters, x, y)
    if (cluster < 0) return
    const people = this.#count[cluster] ?? 0
    if (people === peopleMax) return
    const first = cluster * peopleMax
    for (let other = first; other < first + people; other++) {
      if (((this.#x[other] ?? 0) - x) ** 2 + ((this.#y[other] ?? 0) - y) ** 2 < apart_m ** 2) return
    }
    this.#x[first + people] = x
    this.#y[first + people] = y
    this.#count[cluster] = people + 1
  }

  /** Gives each cell to the one expected nearest; false when somebody would get too little. */
  #share(cells: Cells, clusters: Clusters, cluster: number, people: number): boolean {
    const first = cluster * peopleMax
    const start = clusters.start[cluster] ?? 0
    this.#sizes.fill(0)
    for (let at = start; at < start + (clusters.length[cluster] ?? 0); at++) {
      const cell = clusters.members[at] ?? 0
      let nearest = Infinity
      let part = 0
      for (let person = 0; person < people; person++) {
        const dx = (cells.x[cell] ?? 0) - (this.#x[first + person] ?? 0)
        const dy = (cells.y[cell] ?? 0) - (this.#y[first + person] ?? 0)
        if (dx * dx + dy * dy >= nearest) continue
        nearest = dx * dx + dy * dy
        part = person
      }
      this.#partOf[cell] = part
      this.#sizes[part] = (this.#sizes[part] ?? 0) + (cells.points[cell] ?? 0)
    }
    for (let person = 0; person < people; person++) if ((this.#sizes[person] ?? 0) < pointsMin) return false
    return true
  }
}

function nearestCluster(cells: Cells, clusters: Clusters, x: number, y: number): number {
  const place = cells.placeAt(x, y)
  if (place < 0) return -1
  let nearest = Infinity
  let cluster = -1
  for (let row = -reach; row <= reach; row++) {
    for (let column = -reach; column <= reach; column++) {
      const cell = (cells.at[place + row * cells.side + column] ?? 0) - 1
      const distance = row * row + column * column
      if (cell < 0 || distance >= nearest || (clusters.of[cell] ?? -1) < 0) continue
      nearest = distance
      cluster = clusters.of[cell] ?? -1
    }
  }
  return cluster
}
