/**
 * Where the reference decoder of the recorded clouds (tier4/nebula) puts the points of a Velodyne
 * where that is not what the manuals say (9.5, precision azimuth):
 * - the last block of a packet (of dual returns: pair) is not turned on while its lasers fire;
 * - the second echoes of a pair are placed at the azimuth of the next pair, without turning on either;
 * - the lasers of a VLP-32C are taken to fire one by one, though they fire in pairs.
 * It computes in single precision, which decides which way a half is rounded.
 */
import type { PointBlock } from '../../edge/device/points.ts'
import { returnKinds } from '../../edge/device/points.ts'
import { cosines, fullTurn, perRadian, sines, turnedFrom } from '../../drivers/lidar/azimuth.ts'
import { blocks } from '../../drivers/lidar/velodyne/codec.ts'
import { firing_us, type Laser, sequence_us, type VelodyneModel } from '../../drivers/lidar/velodyne/model.ts'

const single = Math.fround

/** Hundredths of a degree, whole. */
function azimuthOf(model: VelodyneModel, start: number, step: number, firing: number, laser: number, offset: number): number {
  const azimuth = model.firings === 1
    ? single(single(start + single(single(single(step * single(firing_us)) / single(sequence_us)) * laser)) + offset)
    : single(start + single(single(step * single(single(laser * single(firing_us)) + single(firing * single(sequence_us)))) / single(sequence_us * model.firings)))
  return Math.round(azimuth < 0 ? azimuth + fullTurn : azimuth) % fullTurn
}

/** @param lasers by laser id, none of them off the axis */
export function placeAsReference(model: VelodyneModel, lasers: readonly Laser[], block: PointBlock): void {
  const kinds = new Set(block.returnOf.subarray(0, block.columns))
  const echoes = kinds.has(returnKinds.strongest) && kinds.has(returnKinds.last) ? 2 : 1
  const perGroup = model.firings * echoes
  const groups = blocks / echoes
  const starts = Array.from({ length: groups }, (_, group) => Math.round(fullTurn - (block.angle[group * perGroup] ?? 0) * perRadian) % fullTurn)
  const byHeight = [...lasers.entries()].sort(([, a], [, b]) => a.elevation - b.elevation)
  for (let column = 0; column < block.columns; column++) {
    const group = Math.floor(column / perGroup)
    const [start = 0, next = start] = starts.slice(group)
    const isSecond = column % echoes === 1
    const firing = Math.floor((column % perGroup) / echoes)
    for (const [ring, [id, laser]] of byHeight.entries()) {
      const index = column * block.rings + ring
      const azimuth = azimuthOf(model, isSecond ? next : start, isSecond ? 0 : turnedFrom(start, next), firing, id, single(laser.azimuth) * perRadian)
      const outward = Math.hypot(block.x[index] ?? 0, block.y[index] ?? 0)
      block.x[index] = outward * (cosines[azimuth] ?? 0)
      block.y[index] = -outward * (sines[azimuth] ?? 0)
    }
  }
}
