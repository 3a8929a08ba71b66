/** A triangle mesh from a binary STL file: 80 bytes of anything, a count, 50 bytes a triangle. */
import { InputError } from '../../base/error.ts'

/** Zones are simple bodies; a file with more was drawn for something else. */
export const trianglesMax = 100_000

const begin_bytes = 84
const triangle_bytes = 50
const normal_bytes = 12

/**
 * Corners of all triangles: 9 numbers each, metres.
 * @throws InputError (PC-ZONE-MESH) when it is not binary STL, holds nothing, too much, or no numbers
 */
export function readStl(file: Uint8Array): Float32Array {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  const count = file.length < begin_bytes ? 0 : view.getUint32(80, true)
  // Some programs begin a binary file with "solid" too: the length decides.
  if (file.length !== begin_bytes + count * triangle_bytes) throw wrong('it is not binary STL, or it is cut off')
  if (count === 0) throw wrong('it holds no triangle')
  if (count > trianglesMax) throw wrong(`it holds more than ${trianglesMax} triangles`)
  const corners = new Float32Array(count * 9)
  for (let triangle = 0; triangle < count; triangle++) {
    const at = begin_bytes + triangle * triangle_bytes + normal_bytes
    for (let number = 0; number < 9; number++) corners[triangle * 9 + number] = view.getFloat32(at + number * 4, true)
  }
  if (!corners.every(Number.isFinite)) throw wrong('a corner is not a number')
  return corners
}

const wrong = (says: string): InputError => new InputError('PC-ZONE-MESH', `The mesh of a zone is not usable: ${says}.`)
