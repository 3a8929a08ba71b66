/** Moving pictures for a twin that was given none: a bar walks over a pattern with fine detail. */

const phases = 8

/** Baseline JPEGs with the usual tables and 4:2:0, so that they fit RFC 2435, too. */
export async function testCard(width = 640, height = 480): Promise<Uint8Array[]> {
  const { default: sharp } = await import('sharp')
  return await Promise.all(Array.from({ length: phases }, (_, phase) =>
    sharp(pixels(width, height, phase), { raw: { width, height, channels: 3 } })
      .jpeg({ quality: 80, chromaSubsampling: '4:2:0', optimiseCoding: false })
      .toBuffer()))
}

function pixels(width: number, height: number, phase: number): Buffer {
  const image = Buffer.alloc(width * height * 3)
  const bar = Math.floor((phase * width) / phases)
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at += 3) {
      const inBar = x >= bar && x < bar + width / phases
      const check = ((x >> 4) + (y >> 4)) % 2 === 0 ? 40 : 0
      image[at] = inBar ? 230 : Math.floor((x * 200) / width) + check
      image[at + 1] = inBar ? 230 : Math.floor((y * 200) / height) + check
      image[at + 2] = inBar ? 40 : 120 + check
    }
  }
  return image
}
