import fc from 'fast-check'
import t from 'tap'
import { CloudRing, pointKinds } from '../../perception/obstacles/cloud.ts'
import { decodeCloud, encodeCloud, pointsShownMax } from './wire.ts'

void t.test('a cloud comes to the page as it was, to the centimetre', async (t) => {
  const cloud = new CloudRing(3).begin(5)
  cloud.count = 3
  cloud.x.set([1.234, -20, 1_000])
  cloud.y.set([0, 3.5, -1_000])
  cloud.z.set([0.5, -0.01, 0])
  cloud.kind.set([pointKinds.obstacle, pointKinds.ground, pointKinds.body])
  cloud.intensity.set([7, 255, 4_000])
  const shown = decodeCloud(encodeCloud(2, cloud).buffer)
  t.match(shown, { source: 2, count: 3 })
  t.strictSame([...shown?.xyz ?? []], [123, 0, 50, -2000, 350, -1, 32_700, -32_700, 0], 'what is beyond the reach is at its edge')
  t.strictSame([...shown?.kind ?? []], [0, 1, 2])
  t.strictSame([...shown?.intensity ?? []], [7, 255, 255])
})

void t.test('of a large cloud some points are left out, from all over it', async (t) => {
  const count = pointsShownMax * 3 + 1
  const cloud = new CloudRing(count).begin(1)
  cloud.count = count
  cloud.x[count - 1] = 9
  const shown = decodeCloud(encodeCloud(0, cloud).buffer)
  t.ok(shown !== undefined && shown.count <= pointsShownMax && shown.count > pointsShownMax / 2)
  t.equal(shown?.xyz[(shown.count - 1) * 3], 900, 'the last point is among them')
})

void t.test('bytes that are no cloud are none', async () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
    const shown = decodeCloud(Uint8Array.from(bytes).buffer)
    return shown === undefined || shown.xyz.length === shown.count * 3
  }))
})
