import { createSocket } from 'node:dgram'
import { globSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { CommanderError } from 'commander'
import t, { type Test } from 'tap'
import { concat, fromHex } from '../../edge/base/bytes.ts'
import { describe, PortcullisError, UsageError } from '../../edge/base/error.ts'
import { until } from '../../drivers/kit/conformance.ts'
import { metadataJson, sampleMetadata } from '../../drivers/lidar/ouster/sample.ts'
import { OusterEncoder } from '../../drivers/lidar/ouster/encoder.ts'
import { RplidarTwin } from '../../drivers/lidar/rplidar/twin.ts'
import { vlp16 } from '../../drivers/lidar/velodyne/model.ts'
import { VelodyneEncoder } from '../../drivers/lidar/velodyne/twin.ts'
import { root } from '../house/sources.ts'
import { type CaptureStats, captureStats } from '../lidar/capture-stats.ts'
import { openCapture } from '../lidar/recognise.ts'
import { captureScene } from '../lidar/view-capture.ts'
import { lidarCommand } from './lidar.ts'
import type { Terminal } from './terminal.ts'

interface Ended {
  code: number
  out: string
  err: string
}

/** Runs `portcullis lidar` as the program does; Ctrl-C is pressed as soon as `until` has resolved. */
async function lidar(args: readonly string[], until?: Promise<unknown>): Promise<Ended> {
  const ended: Ended = { code: 0, out: '', err: '' }
  const abort = new AbortController()
  void until?.then(() => abort.abort())
  const terminal: Terminal = {
    out: (text) => void (ended.out += text),
    err: (text) => void (ended.err += text),
    watched: false,
    signal: () => abort.signal,
    exitCode: (code) => {
      ended.code = code
    },
  }
  const command = lidarCommand(terminal)
  for (const each of [command, ...command.commands]) each.exitOverride().configureOutput({ writeOut: terminal.out, writeErr: terminal.err })
  try {
    await command.parseAsync(args, { from: 'user' })
  } catch (error) {
    if (error instanceof CommanderError) return { ...ended, code: error.exitCode === 0 ? 0 : 2 }
    const { code, message } = describe(error)
    return { ...ended, code: error instanceof UsageError ? 2 : 1, err: `${ended.err}${message} (${code})` }
  }
  return ended
}

const le32 = (value: number): Uint8Array => Uint8Array.of(value & 0xff, (value >> 8) & 0xff, (value >> 16) & 0xff, (value >>> 24) & 0xff)
const be16 = (value: number): Uint8Array => Uint8Array.of(value >> 8, value & 0xff)

/** A pcap of raw IP with these datagrams, one every 2 ms. */
function pcap(payloads: readonly Uint8Array[], port = 2368): Uint8Array {
  const packets = payloads.map((payload, index) => {
    const ip = concat([fromHex('4500'), be16(28 + payload.length), fromHex('00014000401100000a0000010a000002'), be16(port), be16(port), be16(8 + payload.length), be16(0), payload])
    return concat([le32(1_700_000_000), le32(index * 2_000), le32(ip.length), le32(ip.length), ip])
  })
  return concat([fromHex('d4c3b2a1 0200 0400 00000000 00000000 ffff0000 65000000'), ...packets])
}

const egate = join(root, 'profiles/egate.yaml')
const room = { reflectance: 0.5, distance: (azimuth: number) => (Math.cos(azimuth) < -Math.cos(0.5) ? 0 : 7) }
/** Two and a half turns of a VLP-16. */
function velodynePackets(): Uint8Array[] {
  const encoder = new VelodyneEncoder(vlp16)
  return Array.from({ length: Math.round(encoder.packetsPerTurn * 2.5) }, (_, index) => encoder.encode(index * encoder.period_us, room).slice())
}

void t.test('every subcommand explains itself with an example', async (t) => {
  for (const name of ['replay', 'stats', 'check', 'view']) {
    const { code, out } = await lidar([name, '--help'])
    t.equal(code, 0, name)
    t.match(out, new RegExp(`Example:\n +portcullis lidar ${name}`), name)
  }
})

void t.test('stats: for people, and for programs', async (t) => {
  const packets = velodynePackets()
  const folder = t.testdir()
  const file = join(folder, 'a.pcap')
  writeFileSync(file, pcap([...packets.slice(0, 40), ...packets.slice(43), Uint8Array.of(1, 2, 3)]))
  const { code, out } = await lidar(['stats', '--json', file])
  t.equal(code, 0)
  const stats = JSON.parse(out) as CaptureStats
  t.match(stats, {
    sensor: 'lidar/velodyne-vlp16', identity: { manufacturer: 'Velodyne' }, began: '2023-11-14T22:13:20.000Z',
    verdicts: { points: packets.length - 3, foreign: 1, damaged: 0 }, points: (packets.length - 3) * 24 * 16, turns: 3,
  })
  t.ok(Math.abs(stats.nearest_m - 7) < 0.01 && Math.abs(stats.farthest_m - 7) < 0.01, `${stats.nearest_m} to ${stats.farthest_m}`)
  t.ok(Math.abs(stats.returnsShare - (1 - 1 / (2 * Math.PI))) < 0.03, `${stats.returnsShare} came back`)
  t.ok(Math.abs((stats.turns_perS ?? 0) - 10) < 0.2, `${stats.turns_perS} turns a second`)
  t.match(await lidar(['stats', file]), { code: 0, out: /^sensor +lidar\/velodyne-vlp16 .*\n(.*\n)*points +\d+, 8\d\.\d % came back/ })

  writeFileSync(file, pcap(packets).subarray(0, -100))
  t.match(await lidar(['stats', file]), { code: 1, out: /\(Velodyne VLP-16\)(.*\n)*FAULT +The capture ends at byte \d+.*PC-CAPTURE-TRUNCATED/ }, 'what comes before the damage is counted')
})

void t.test('of a recording of several lidars one is decoded: the busiest, or that of a port', async (t) => {
  const packets = velodynePackets()
  const folder = t.testdir()
  const file = join(folder, 'two.pcap')
  // The second, at another address and port, is half a second behind and was recorded for a shorter time.
  const both = concat([pcap([]), ...packets.flatMap((packet, index) => {
    const [one, two] = [pcap([packet]).subarray(24), pcap([packet], 2370).subarray(24)]
    two[16 + 15] = 9
    return index < 100 ? [one, two] : [one]
  })])
  writeFileSync(file, both)
  t.match(JSON.parse((await lidar(['stats', '--json', file])).out), { verdicts: { points: packets.length, late: 0, damaged: 0 }, passedOver: { ofOthers: 100 } })
  t.match(JSON.parse((await lidar(['stats', '--json', file, '--port', '2370'])).out), { verdicts: { points: 100, late: 0 }, passedOver: { ofOthers: packets.length } })
  t.match(await lidar(['stats', file, '--port', '7']), { code: 1, err: /no datagram for that port/ })
  t.match(await lidar(['stats', file, '--port', 'x']), { code: 2 })
  const tcp = pcap([Uint8Array.of(1)])
  tcp[24 + 16 + 9] = 6
  writeFileSync(file, tcp)
  t.match(await lidar(['stats', file]), { code: 1, err: /tshark -T json/ })
})

void t.test('captures that were packed with gzip are unpacked; where the packing is damaged is said', async (t) => {
  const packets = velodynePackets()
  const packed = gzipSync(pcap(packets))
  const folder = t.testdir({ 'a.pcap.gz': packed, 'cut.pcap.gz': packed.subarray(0, packed.length - 9), 'wrong.pcap.gz': packed.map((byte, at) => (at > 40 && at < 60 ? 0xff : byte)) })
  t.match(JSON.parse((await lidar(['stats', '--json', join(folder, 'a.pcap.gz')])).out), { sensor: 'lidar/velodyne-vlp16', verdicts: { points: packets.length } })
  t.match(await lidar(['stats', join(folder, 'cut.pcap.gz')]), { code: 1, out: /FAULT .*PC-CAPTURE-TRUNCATED/ })
  t.match(await lidar(['stats', join(folder, 'wrong.pcap.gz')]), { code: 1, err: /PC-CAPTURE-CORRUPT/ })
  const { port } = await listening(t)
  t.match(await lidar(['replay', join(folder, 'a.pcap.gz'), '--to', `udp://127.0.0.1:${port}`, '--speed', 'max']), { code: 0, out: new RegExp(`^${packets.length} datagrams`) })
})

void t.test('view says what it cannot show before it serves a page, and what it can show of a damaged capture', async (t) => {
  const folder = t.testdir({ 'text.txt': 'no capture\n' })
  const cut = join(folder, 'cut.pcap')
  writeFileSync(cut, pcap(velodynePackets()).subarray(0, -100))
  t.match(await lidar(['view', join(folder, 'text.txt'), '--port', '0']), { code: 1, out: '', err: /PC-CAPTURE-SENSOR/ })
  for (const [option, value] of [['--speed', '0'], ['--speed', '-1'], ['--port', '70000'], ['--height', 'x'], ['--body', '4.6'], ['--yaw', '400']] as const) {
    t.match(await lidar(['view', cut, option, value]), { code: 2, err: /PC-CLI-OPTION/ }, `${option} ${value}`)
  }
  const faults: string[] = []
  const scene = await captureScene(cut, { height_m: 1, speed: Infinity, onFault: (fault) => faults.push(fault.code) })
  await scene.start()
  await until(() => faults.length > 0, 'the damage is told')
  t.ok((scene.state().played ?? 0) > 0, 'what comes before is shown')
  await scene.stop()
  t.strictSame(faults, ['PC-CAPTURE-TRUNCATED'])
})

void t.test('stats: metadata beside the capture, or as given', async (t) => {
  const metadata = sampleMetadata()
  const encoder = new OusterEncoder(metadata)
  const file = join(t.testdir({ 'notes.json': '{"no":"metadata"}', away: { 'sensor.json': metadataJson(metadata) } }), 'drive.pcap')
  writeFileSync(file, pcap(Array.from({ length: 80 }, (_, index) => encoder.encode(index * encoder.period_us, room).slice()), 7502))
  t.match(await lidar(['stats', file]), { code: 1, err: /PC-CAPTURE-METADATA/ })
  t.match(await lidar(['stats', file, '--metadata', join(dirname(file), 'away/sensor.json')]), { code: 0, out: /lidar\/ouster/ })
  t.match(await lidar(['stats', file, '--metadata', join(dirname(file), 'notes.json')]), { code: 1, err: /PC-LIDAR-METADATA/ })
  writeFileSync(join(dirname(file), 'b.json'), metadataJson(metadata))
  t.match(await lidar(['stats', '--json', file]), { code: 0, out: /"metadata":"[^"]*b\.json"/ })

  const other = sampleMetadata({ model: 'OS-1-128' })
  writeFileSync(join(dirname(file), 'away/other.json'), metadataJson(other))
  t.match(await lidar(['stats', file, '--metadata', join(dirname(file), 'away/other.json')]), { code: 1, out: /80 wrong-sensor(.*\n)*FAULT +All packets are of another sensor.*PC-LIDAR-WRONG-SENSOR/ })
})

void t.test('used wrongly is 2, failed is 1, and neither is a crash', async (t) => {
  const folder = t.testdir({ 'text.txt': 'no capture\n', 'noise.json': '[1, 2, 3]', 'link.pcap': Buffer.from(fromHex('d4c3b2a1 0200 0400 00000000 00000000 ffff0000 93000000')) })
  writeFileSync(join(folder, 'empty.pcap'), pcap([]))
  writeFileSync(join(folder, 'other.pcap'), pcap([Uint8Array.of(1), Uint8Array.of(2)]))
  const at = (name: string): string => join(folder, name)
  const cases: [number, RegExp, string[]][] = [
    [2, /missing required argument/, ['stats']],
    [2, /PC-CLI-FILE/, ['stats', at('nothing')]],
    [2, /sick-tim.*PC-CLI-OPTION/, ['stats', at('other.pcap'), '--sensor', 'lidar/none']],
    [2, /PC-CLI-FILE/, ['stats', at('other.pcap'), '--sensor', 'lidar/ouster', '--metadata', at('nothing')]],
    [1, /PC-CAPTURE-SENSOR/, ['stats', at('text.txt')]],
    [1, /PC-CAPTURE-SENSOR/, ['stats', at('noise.json')]],
    [1, /holds no datagram.*PC-CAPTURE-SENSOR/, ['stats', at('empty.pcap')]],
    [1, /no lidar that is known.*PC-CAPTURE-SENSOR/, ['stats', at('other.pcap')]],
    [1, /PC-CAPTURE-LINK/, ['stats', at('link.pcap')]],
    [2, /PC-CLI-FILE/, ['replay', at('nothing')]],
    [2, /PC-CAPTURE-TARGET/, ['replay', at('other.pcap'), '--to', 'there']],
    [2, /PC-CLI-OPTION/, ['replay', at('other.pcap'), '--speed', 'fast']],
    [2, /PC-CLI-OPTION/, ['replay', at('other.pcap'), '--port', '99999']],
    [1, /no datagram for port 7/, ['replay', at('other.pcap'), '--port', '7']],
    [1, /PC-CAPTURE-UNKNOWN/, ['replay', at('text.txt')]],
    [1, /PC-PROFILE-READ/, ['check', at('nothing.yaml')]],
    [2, /no lidar/, ['check', egate]],
    [2, /PC-CLI-OPTION/, ['check', egate, '--wait', 'long']],
  ]
  for (const [code, says, args] of cases) {
    const ended = await lidar(args)
    t.equal(ended.code, code, args.join(' '))
    t.match(ended.out + ended.err, says, args.join(' '))
  }
})

async function listening(t: Test): Promise<{ port: number; heard: Buffer[] }> {
  const socket = createSocket('udp4')
  const heard: Buffer[] = []
  socket.on('message', (bytes) => heard.push(bytes))
  await new Promise<void>((resolve) => {
    socket.bind(0, '127.0.0.1', resolve)
  })
  t.teardown(() => socket.close())
  return { port: socket.address().port, heard }
}

void t.test('replay sends what was recorded, once or until it is stopped', async (t) => {
  const { port, heard } = await listening(t)
  const file = join(t.testdir(), 'a.pcap')
  writeFileSync(file, pcap(Array.from({ length: 50 }, (_, index) => Uint8Array.of(index, 1))))
  const { code, out } = await lidar(['replay', file, '--to', `udp://127.0.0.1:${port}`, '--json'])
  t.equal(code, 0)
  const { took_s, ...sent } = JSON.parse(out) as { took_s: number }
  t.strictSame(sent, { to: `udp://127.0.0.1:${port}`, datagrams: 50, bytes: 100 })
  t.ok(took_s >= 0.098, `${took_s} s for a recording of 0.098 s`)
  await until(() => heard.length === 50, 'all are heard')
  t.strictSame(heard.map(([first]) => first), Array.from({ length: 50 }, (_, index) => index))
  const looped = await lidar(['replay', file, '--to', `udp://127.0.0.1:${port}`, '--speed', 'max', '--loop'], until(() => heard.length > 200, 'it began again'))
  t.match(looped, { code: 0, out: /^\d+ datagrams, \d+ bytes sent to udp:\/\/127\.0\.0\.1:\d+ in [\d.]+ s\n$/, err: '' })
})

void t.test('check starts the lidars alone and says what is wrong with which', async (t) => {
  const twin = new RplidarTwin({}, 'tcp')
  twin.device.scene.wall({ from: [3, -9], to: [3, 9], height: 3 })
  const { port } = await twin.start()
  t.teardown(() => twin.stop())
  const profile = (lidars: string): string => readFileSync(egate, 'utf8').replace(/^parts:.*\n/m, (line) => `${line}${lidars}`)
  const good = `  ranger: { use: lidar/rplidar, port: '${port}' }\n`
  const folder = t.testdir({ 'good.yaml': profile(good), 'bad.yaml': profile(`${good}  second: { use: lidar/rplidar, port: 'tcp://127.0.0.1:1' }\n`) })
  const passed = await lidar(['check', join(folder, 'good.yaml')])
  t.match(passed, { code: 0, out: /^ranger: passed, lidar\/rplidar \(SLAMTEC RPLIDAR A2M8 [0-9A-F]+\)\n {2}ok +device/ })
  t.match(passed.out, /ok +rate +\d+ 1\/s/)
  await until(() => twin.device.motor === 0, 'the motor is at rest again')
  const failed = await lidar(['check', join(folder, 'bad.yaml'), 'second', '--json', '--wait', '1'])
  t.equal(failed.code, 1)
  t.match(JSON.parse(failed.out), { part: 'second', passed: false, checks: [{ name: 'connection', says: /PC-LINK-OPEN/ }] })
})

const recorded = join(process.env['PORTCULLIS_DATA'] ?? join(root, '../shared/data'), 'lidar')
const captures = globSync('**/*.{pcap,pcapng,txt,json.gz}', { cwd: recorded })

void t.test('recorded captures are told apart', { skip: captures.length > 0 ? false : 'the recorded captures are not here' }, async (t) => {
  let recognised = 0
  for (const file of captures) {
    try {
      const { sensor, points, verdicts, fault } = await captureStats(await openCapture(join(recorded, file)))
      recognised++
      t.equal(fault, undefined, `${file}: ${sensor}, ${points} points`)
      t.equal(points > 0, verdicts.points > 0)
    } catch (error) {
      t.ok(error instanceof PortcullisError && /^PC-(CAPTURE|LIDAR)-/.test(error.code), `${file}: ${describe(error).message}`)
    }
  }
  t.ok(recognised > 0)
})
