import fc from 'fast-check'
import t, { type Test } from 'tap'
import { ascii, concat, equal } from '../../edge/base/bytes.ts'
import { Counters } from '../../edge/base/counters.ts'
import { bareStart, type PictureStart, PictureStream, pictureSize, sameImage } from './jpeg.ts'
import { boundaryOf, partStart } from './mjpeg/multipart.ts'
import { withNoise } from './playback.ts'
import { measure } from './self-test.ts'
import { testCard } from './test-card.ts'

const SOI = Uint8Array.of(0xff, 0xd8)
const EOI = Uint8Array.of(0xff, 0xd9)
const segment = (marker: number, content: Uint8Array): Uint8Array =>
  concat([Uint8Array.of(0xff, marker, (content.length + 2) >> 8, (content.length + 2) & 0xff), content])
const frameHeader = (width: number, height: number): Uint8Array =>
  segment(0xc0, Uint8Array.of(8, height >> 8, height & 0xff, width >> 8, width & 0xff, 1, 1, 0x11, 0))
const scanHeader = segment(0xda, Uint8Array.of(1, 1, 0, 0, 63, 0))

/** T.81 B.1.1.5: a data byte FF is followed by 00. */
const stuffed = (bytes: Uint8Array): Uint8Array => Uint8Array.from([...bytes].flatMap((byte) => (byte === 0xff ? [byte, 0] : [byte])))
const restart = Uint8Array.of(0xff, 0xd3)

/** A thumbnail with SOI and EOI of its own, as EXIF has. */
const thumbnail = concat([SOI, frameHeader(16, 8), scanHeader, Uint8Array.of(1, 2, 3), EOI])

const pictures = fc.record({
  beside: fc.constantFrom(segment(0xe1, concat([ascii('Exif\0\0'), thumbnail])), segment(0xfe, ascii('--cut\r\n\r\n')), new Uint8Array()),
  fill: fc.constantFrom(new Uint8Array(), Uint8Array.of(0xff, 0xff)),
  data: fc.uint8Array({ maxLength: 300 }),
  more: fc.uint8Array({ maxLength: 50 }),
}).map(({ beside, fill, data, more }) => concat([SOI, beside, fill, frameHeader(640, 480), scanHeader, stuffed(data), restart, stuffed(more), EOI]))

const counters = () => new Counters(['truncated', 'oversized', 'discardedBytes'])

function cut(start: PictureStart, stream: Uint8Array, cuts: readonly number[], pictureMax = 10_000): { found: Uint8Array[]; pendingMax: number } {
  const pictures = new PictureStream(start, pictureMax, counters())
  const found: Uint8Array[] = []
  let pendingMax = 0
  for (let at = 0, turn = 0; at < stream.length; turn++) {
    const length = cuts[turn % cuts.length] ?? 1
    found.push(...pictures.push(stream.subarray(at, at + length)))
    pendingMax = Math.max(pendingMax, pictures.pending)
    at += length
  }
  return { found, pendingMax }
}

const sameList = (a: readonly Uint8Array[], b: readonly Uint8Array[]): boolean => a.length === b.length && a.every((one, index) => equal(one, b[index] ?? SOI))
const cutsOf = fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 8 })
const noSoi = fc.uint8Array({ maxLength: 40 }).map((bytes) => bytes.map((byte) => (byte === 0xff ? 0 : byte)))

void t.test('bare pictures are found whole, however the stream is cut and whatever stands between them', async (t) => {
  fc.assert(fc.property(fc.array(fc.tuple(noSoi, pictures), { maxLength: 6 }), cutsOf, (parts, cuts) =>
    sameList(cut(bareStart, concat(parts.flat()), cuts).found, parts.map(([, picture]) => picture))), { numRuns: 300 })
  t.pass()
})

interface Style { delimiter: string; header: string; newline: string; before: string }
const styles = fc.record({
  delimiter: fc.constantFrom('--cut', 'cut', '----cut'),
  header: fc.constantFrom('Content-Type: image/jpeg', 'Content-Length: 7', 'content-type:image/jpeg\nX-Time: cut'),
  newline: fc.constantFrom('\r\n', '\n'),
  before: fc.constantFrom('\r\n', '', '\n'),
})
const part = ({ delimiter, header, newline, before }: Style, garbage: Uint8Array, picture: Uint8Array): Uint8Array =>
  concat([garbage, ascii(`${before}${delimiter}${newline}${header.replaceAll('\n', newline)}${newline}${newline}`), picture])

void t.test('parts are found whole with any dashes, with right, wrong or no length, however the stream is cut', async (t) => {
  const counted = counters()
  const plain = { delimiter: '--cut', header: 'Content-Type: image/jpeg', newline: '\r\n', before: '\r\n' }
  const stream = new PictureStream(partStart('cut'), 10_000, counted)
  const whole = concat([SOI, frameHeader(8, 8), scanHeader, Uint8Array.of(1, 2), EOI])
  for (const byte of concat([whole, whole, whole].map((picture) => part(plain, new Uint8Array(), picture)))) stream.push(Uint8Array.of(byte))
  t.equal(counted.get('discardedBytes'), 0, 'what frames the pictures is not discarded')

  fc.assert(fc.property(styles, fc.array(fc.tuple(noSoi, pictures), { maxLength: 6 }), cutsOf, (style, parts, cuts) => {
    const stream = concat(parts.map(([garbage, picture]) => part(style, garbage, picture)))
    return sameList(cut(partStart('cut'), stream, cuts).found, parts.map(([, picture]) => picture))
  }), { numRuns: 300 })
  t.pass()
})

void t.test('a cut-off part costs no other part, and is never passed on', async (t) => {
  const style = { delimiter: '--cut', header: 'Content-Length: 400', newline: '\r\n', before: '\r\n' }
  // Cut off within a segment, a picture shows that it is broken where the segment should have ended: up to 64 KiB later.
  const later = concat([SOI, frameHeader(8, 8), scanHeader, new Uint8Array(66_000), EOI])
  fc.assert(fc.property(pictures, pictures, pictures, fc.double({ min: 0, max: 0.99, noNaN: true }), cutsOf, (first, second, third, share, cuts) => {
    const torn = second.subarray(0, Math.floor(second.length * share))
    const rest = concat([third, later, first].map((picture) => part(style, new Uint8Array(), picture)))
    // Where the length of a cut-off segment happens to lead to a marker of the next picture, the two are one picture, for anybody.
    fc.pre(cut(bareStart, concat([torn, rest]), [70_000], 200_000).found.every((picture) => [third, later, first].some((other) => equal(picture, other))))
    const stream = concat([...[first, torn].map((picture) => part(style, new Uint8Array(), picture)), rest])
    return sameList(cut(partStart('cut'), stream, cuts, 200_000).found, [first, third, later, first])
  }), { numRuns: 100 })
  const counted = counters()
  const stream = new PictureStream(partStart('cut'), 10_000, counted)
  const whole = concat([SOI, frameHeader(8, 8), scanHeader, Uint8Array.of(1, 2, 3, 4), EOI])
  stream.push(concat([whole.subarray(0, -3), whole].map((picture) => part(style, new Uint8Array(), picture))))
  t.equal(counted.get('truncated'), 1)
})

void t.test('any bytes: nothing is thrown, held beyond the limit, or found twice', async (t) => {
  const tokens = fc.oneof(fc.uint8Array({ maxLength: 200 }), fc.constantFrom(SOI, EOI, Uint8Array.of(0xff), scanHeader, frameHeader(9, 9), ascii('--cut\r\n'), ascii('\r\n\r\n'), Uint8Array.of(0xff, 0xe1, 0xff, 0xff)))
  for (const start of [bareStart, partStart('cut')]) {
    fc.assert(fc.property(fc.array(tokens, { maxLength: 60 }), cutsOf, (chunks, cuts) => {
      const stream = concat(chunks)
      const { found, pendingMax } = cut(start, stream, cuts, 500)
      const total = found.reduce((sum, picture) => sum + picture.length, 0)
      return total <= stream.length && found.every((picture) => picture.length <= 500) && pendingMax <= 500 + 8_192 + 200
        && sameList(found, cut(start, stream, [stream.length + 1], 500).found)
    }), { numRuns: 400 })
  }
  t.pass()
})

void t.test('hostile bytes cost linear work', async (t) => {
  // Each of many false beginnings leads past the others, through a long scan and to its broken end.
  const size = 60_000
  const nest = concat(Array.from({ length: size / 6 }, (_, index) => {
    const toEnd = size - index * 6 - 4
    return Uint8Array.of(0xff, 0xd8, 0xff, 0xe1, toEnd >> 8, toEnd & 0xff)
  }))
  const hostile = concat([nest, frameHeader(9, 9), scanHeader, new Uint8Array(1_500_000), Uint8Array.of(0xff, 0xd8, 0xff)])
  let begun = 0
  const counting: PictureStart = (bytes) => {
    begun++
    return bareStart(bytes)
  }
  cut(counting, hostile, [65_536], 2_097_152)
  t.ok(begun > 10 && begun < 100, `it began ${begun} pictures of ${size / 6}`)
})

void t.test('a picture that is too large is counted and left out, and the next one is found', async (t) => {
  const picture = (size: number): Uint8Array => concat([SOI, frameHeader(640, 480), scanHeader, new Uint8Array(size), EOI])
  const parts = [picture(100), picture(5_000), picture(100)].map((one) => part({ delimiter: '--cut', header: 'A: b', newline: '\r\n', before: '\r\n' }, new Uint8Array(), one))
  const counted = counters()
  const stream = new PictureStream(partStart('cut'), 1_000, counted)
  t.equal(stream.push(concat(parts)).length, 2)
  t.equal(counted.get('oversized'), 1)
})

void t.test('boundaries', async (t) => {
  for (const [type, boundary] of [
    ['multipart/x-mixed-replace;boundary=cut', 'cut'],
    ['multipart/x-mixed-replace; boundary=--myboundary', 'myboundary'],
    ['Multipart/X-Mixed-Replace; charset=x; Boundary="a b;c"', 'a b;c'],
    ['multipart/mixed ; boundary = cut ; x=y', 'cut'],
    ['multipart/x-mixed-replace', undefined],
    ['multipart/x-mixed-replace; boundary=', undefined],
    ['multipart/x-mixed-replace; boundary=--', undefined],
    [`multipart/x-mixed-replace; boundary=${'x'.repeat(300)}`, undefined],
    ['image/jpeg', undefined],
    ['text/html; boundary=cut', undefined],
    [undefined, undefined],
  ] as const) t.equal(boundaryOf(type), boundary, `${type}`.slice(0, 60))
  fc.assert(fc.property(fc.string({ maxLength: 2_000 }), (type) => (boundaryOf(type)?.length ?? 0) <= 200))
})

void t.test('real pictures: size, noise, sharpness', async (t: Test) => {
  const [first, second] = await testCard(320, 200)
  if (first === undefined || second === undefined) throw new Error('there is no test card')
  const { default: sharp } = await import('sharp')
  const variants = {
    baseline: first,
    progressive: await sharp(first).jpeg({ progressive: true }).toBuffer(),
    thumbnailed: concat([SOI, segment(0xe1, concat([ascii('Exif\0\0'), thumbnail])), first.subarray(2)]),
  }
  for (const [name, jpeg] of Object.entries(variants)) {
    t.strictSame(pictureSize(jpeg), { width: 320, height: 200 }, name)
    const { found } = cut(bareStart, concat([jpeg, jpeg]), [4_096, 1, 77], 1_000_000)
    t.ok(sameList(found, [jpeg, jpeg]), `${name}: found whole`)
  }
  t.equal(pictureSize(Uint8Array.of(0xff, 0xd8, 0xff, 0xd9)), undefined)
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
    pictureSize(concat([SOI, bytes]))
    return sameImage(bytes, bytes)
  }))

  t.equal(sameImage(first, first.slice()), true)
  t.equal(sameImage(first, second), false)
  t.equal(sameImage(first, concat([SOI, segment(0xfe, ascii('12:00:01')), first.subarray(2)])), true, 'what stands beside the image does not count')
  const noisy = withNoise(first, 1)
  t.equal(sameImage(first, noisy), false, 'noise changes the image')
  t.equal(sameImage(withNoise(first, 1), withNoise(first, 2)), false)

  const sharpness = async (sigma: number): Promise<number> => (await measure(sigma === 0 ? noisy : await sharp(first).blur(sigma).jpeg().toBuffer())).sharpness
  const [clear, soft, fog] = [await sharpness(0), await sharpness(2), await sharpness(60)]
  t.ok(clear > 5 * soft && soft > fog && fog < 5, `sharpness ${clear}, blurred ${soft}, fog ${fog}`)
  t.match(await measure(first), { width: 320, height: 200 })
  await t.rejects(measure(first.subarray(0, 300)))
})
