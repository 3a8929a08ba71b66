/** How light and how sharp a picture is. Pure, so that drivers, models and pages all measure the same. */

/** 8-bit pixels as grey values 0-255 (luma of ITU-R BT.601, as JPEG has it). @param channels values a pixel, the first three of them red, green, blue. */
export function luma(pixels: ArrayLike<number>, channels: 3 | 4): Float32Array {
  const grey = new Float32Array(Math.floor(pixels.length / channels))
  for (let at = 0, from = 0; at < grey.length; at++, from += channels) grey[at] = 0.299 * pixels[from]! + 0.587 * pixels[from + 1]! + 0.114 * pixels[from + 2]!
  return grey
}

/** Mean of the grey values. */
export function brightness(grey: Float32Array): number {
  return grey.length === 0 ? 0 : grey.reduce((total, value) => total + value, 0) / grey.length
}

/**
 * Variance of the Laplacian of grey values, row by row (Pech-Pacheco et al., ICPR 2000): a few units for
 * a covered lens or fog, hundreds for a picture in focus; comparable between pictures of one scene alone.
 */
export function sharpness(grey: Float32Array, width: number, height: number): number {
  if (width < 3 || height < 3) return 0
  let sum = 0
  let squares = 0
  for (let y = 1; y < height - 1; y++) {
    for (let x = 1; x < width - 1; x++) {
      const at = y * width + x
      const curvature = grey[at - 1]! + grey[at + 1]! + grey[at - width]! + grey[at + width]! - 4 * grey[at]!
      sum += curvature
      squares += curvature * curvature
    }
  }
  const count = (width - 2) * (height - 2)
  return squares / count - (sum / count) ** 2
}
