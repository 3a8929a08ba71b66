/** Shapes that a beam can meet. */

/** Metres to where a beam enters, or Infinity. */
export interface Solid {
  readonly reflectance: number
  readonly porous: number
  /** @param ox, oy, oz where the beam starts; @param dx, dy, dz its direction, of length 1 */
  meets(ox: number, oy: number, oz: number, dx: number, dy: number, dz: number): number
  move(x: number, y: number): void
}

/** An upright box, turned about its middle. */
export class Box implements Solid {
  readonly reflectance: number
  readonly porous: number
  readonly #cos: number
  readonly #sin: number
  readonly #halfLength: number
  readonly #halfWidth: number
  readonly #bottom: number
  readonly #top: number
  readonly #radius: number
  #x: number
  #y: number

  constructor(x: number, y: number, z: number, length: number, width: number, height: number, yaw: number, reflectance: number, porous: number) {
    this.reflectance = reflectance
    this.porous = porous
    this.#x = x
    this.#y = y
    this.#cos = Math.cos(yaw)
    this.#sin = Math.sin(yaw)
    this.#halfLength = length / 2
    this.#halfWidth = width / 2
    this.#bottom = z
    this.#top = z + height
    this.#radius = Math.hypot(length, width) / 2
  }

  move(x: number, y: number): void {
    this.#x += x
    this.#y += y
  }

  /** Slabs, in the box's own frame. */
  meets(ox: number, oy: number, oz: number, dx: number, dy: number, dz: number): number {
    const rx = ox - this.#x
    const ry = oy - this.#y
    if (missesFromAbove(rx, ry, dx, dy, this.#radius)) return Infinity
    const px = rx * this.#cos + ry * this.#sin
    const py = ry * this.#cos - rx * this.#sin
    const ex = 1 / (dx * this.#cos + dy * this.#sin)
    const ey = 1 / (dy * this.#cos - dx * this.#sin)
    const ez = 1 / dz
    const x1 = (-this.#halfLength - px) * ex
    const x2 = (this.#halfLength - px) * ex
    const y1 = (-this.#halfWidth - py) * ey
    const y2 = (this.#halfWidth - py) * ey
    const z1 = (this.#bottom - oz) * ez
    const z2 = (this.#top - oz) * ez
    const enters = Math.max(Math.min(x1, x2), Math.min(y1, y2), Math.min(z1, z2))
    const leaves = Math.min(Math.max(x1, x2), Math.max(y1, y2), Math.max(z1, z2))
    return enters > 0 && enters <= leaves ? enters : Infinity
  }
}

/** An upright cylinder, without its lids: beams meet it from the side. */
export class Cylinder implements Solid {
  readonly reflectance: number
  readonly porous: number
  readonly #radius: number
  readonly #bottom: number
  readonly #top: number
  #x: number
  #y: number

  constructor(x: number, y: number, z: number, radius: number, height: number, reflectance: number, porous: number) {
    this.reflectance = reflectance
    this.porous = porous
    this.#x = x
    this.#y = y
    this.#radius = radius
    this.#bottom = z
    this.#top = z + height
  }

  move(x: number, y: number): void {
    this.#x += x
    this.#y += y
  }

  meets(ox: number, oy: number, oz: number, dx: number, dy: number, dz: number): number {
    const rx = ox - this.#x
    const ry = oy - this.#y
    if (missesFromAbove(rx, ry, dx, dy, this.#radius)) return Infinity
    const flat = dx * dx + dy * dy
    const toward = rx * dx + ry * dy
    const root = toward * toward - flat * (rx * rx + ry * ry - this.#radius * this.#radius)
    if (root < 0) return Infinity
    const met = (-toward - Math.sqrt(root)) / flat
    const height = oz + met * dz
    return met > 0 && height >= this.#bottom && height <= this.#top ? met : Infinity
  }
}

/** Whether a beam passes a circle at a distance, seen from above: cheap, and true for nearly every solid. */
function missesFromAbove(rx: number, ry: number, dx: number, dy: number, radius: number): boolean {
  const flat = dx * dx + dy * dy
  const inside = rx * rx + ry * ry <= radius * radius
  if (inside) return false
  if (rx * dx + ry * dy >= 0) return true
  const aside = rx * dy - ry * dx
  return aside * aside > radius * radius * flat
}
