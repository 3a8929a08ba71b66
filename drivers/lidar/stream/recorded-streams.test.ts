import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parse, Type } from '../../../edge/base/schema.ts'
import { PointBlock } from '../../../edge/device/points.ts'
import { datagrams } from '../capture/pcap.ts'
import type { PacketDecoder } from '../decoder.ts'
import { PandarXt16Decoder } from '../hesai/codec.ts'
import { SourceWatch, watchOptions } from './source-watch.ts'
import { tick_ms } from './tally.ts'
import { VelodyneDecoder } from '../velodyne/codec.ts'
import { vlp16 } from '../velodyne/model.ts'

const data = process.env['PORTCULLIS_DATA'] ?? join(import.meta.dirname, '../../../../shared/data')
const limits = parse(Type.Object(watchOptions()), {}, 'PC-TEST-LIMITS', 'limits')

const recorded: [string, string, () => PacketDecoder][] = [
  ['a VLP-16', 'lidar/velodyne-vlp16/packets.pcap', () => new VelodyneDecoder(vlp16)],
  ['a PandarXT-16', 'lidar/hesai-xt16/packets.pcap', () => new PandarXt16Decoder()],
]
for (const [name, file, decoderOf] of recorded) {
  const path = join(data, file)
  void t.test(`${name} as it was recorded is well`, { skip: existsSync(path) ? false : `${path} is not here` }, async (t) => {
    const decoder = decoderOf()
    const block = new PointBlock(decoder.columnsMax, decoder.rings)
    const watch = new SourceWatch(limits)
    let ticked: number | undefined
    for await (const { at_us, payload } of datagrams(path)) {
      const now = at_us / 1_000
      for (ticked ??= now; ticked + tick_ms <= now; ticked += tick_ms) {
        watch.tick()
        if (watch.trouble !== undefined || watch.warning !== undefined) t.fail(`it is ${watch.trouble ?? watch.warning}`)
      }
      const verdict = decoder.decode(payload, block)
      block.received = now
      if (verdict === 'points') watch.points(block)
      else watch.other(verdict)
    }
    t.equal(watch.ready, true)
    t.ok(watch.tally.get('returns') > watch.tally.get('beams') * 0.1)
  })
}
