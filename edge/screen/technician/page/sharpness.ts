/** How sharp a picture is: the variance of its Laplacian (Pech-Pacheco et al., ICPR 2000), of 8-bit grey values. */

/** Of the middle of a picture, RGBA row by row; comparable between pictures of one scene alone. */
export function sharpness(rgba: Uint8ClampedArray, width: number, height: number): number {
  const grey = new Float32Array(width * height)
  for (let at = 0; at < grey.length; at++) grey[at] = 0.299 * (rgba[at * 4] ?? 0) + 0.587 * (rgba[at * 4 + 1] ?? 0) + 0.114 * (rgba[at * 4 + 2] ?? 0)
  let sum = 0
  let squares = 0
  let count = 0
  for (let y = 1; y < height - 1; y++) {
    for (let x = 1; x < width - 1; x++) {
      const at = y * width + x
      const edge = (grey[at - 1] ?? 0) + (grey[at + 1] ?? 0) + (grey[at - width] ?? 0) + (grey[at + width] ?? 0) - 4 * (grey[at] ?? 0)
      sum += edge
      squares += edge * edge
      count++
    }
  }
  return count === 0 ? 0 : squares / count - (sum / count) ** 2
}
