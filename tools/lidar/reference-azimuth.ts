/** Where the reference decoder of the recorded clouds puts the points of a VLP-16. */
import type { PointBlock } from '../../edge/device/points.ts'
import { returnKinds } from '../../edge/device/points.ts'

/** Firing sequences of a packet. */
const blocks = 12
const firings = 2

/**
 * Places a packet's points as tier4/nebula does where that is not what the manual says (9.5): the last
 * block (of dual returns: pair) is not turned on while its lasers fire, and the second echoes of a pair
 * are placed at the azimuth of the next pair, without turning on either.
 */
export function placeAsReference(block: PointBlock): void {
  const dual = block.returnOf.subarray(0, block.columns).includes(returnKinds.strongest) && block.returnOf.subarray(0, block.columns).includes(returnKinds.last)
  const echoes = dual ? 2 : 1
  const groups = blocks / echoes
  const perGroup = firings * echoes
  for (let column = 0; column < block.columns; column++) {
    const group = Math.floor(column / perGroup)
    const isLast = group === groups - 1
    const isSecond = column % echoes === 1
    if (!isLast && !isSecond) continue
    const angle = block.angle[(isLast ? group : group + 1) * perGroup] ?? 0
    for (let index = column * block.rings; index < (column + 1) * block.rings; index++) {
      const outward = Math.hypot(block.x[index] ?? 0, block.y[index] ?? 0)
      block.x[index] = outward * Math.cos(angle)
      block.y[index] = outward * Math.sin(angle)
    }
  }
}
