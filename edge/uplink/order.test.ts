import { generateKeyPairSync } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { authorityKeys, distrust, type Order, readOrder, signOrder, untimely } from './order.ts'
import { covers, isPart, topicsOf } from './topics.ts'
import { Window } from './window.ts'
import { PacketSizes } from './wire.ts'

const topics = topicsOf({ site: 'mong-cai/bac-luan-1', device: 'bl1-e07' })
const topic = topics.command({ component: 'gate', command: 'decide' })
const order: Order = { id: 'c-1', args: { decision: 'grant' }, role: 'officer', issuedBy: 'ioc-7', issuedAt: 1_000_000, expiresAt: 1_060_000 }
const bytes = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value))
const pair = generateKeyPairSync('ed25519')
const pem = pair.publicKey.export({ type: 'spki', format: 'pem' }).toString()

void t.test('topics: one level a part, nothing that a broker would read as a wildcard', async (t) => {
  t.equal(topics.facts, 'portcullis/v1/mong-cai.bac-luan-1/bl1-e07/facts')
  t.equal(topics.state('camera', 'health'), 'portcullis/v1/mong-cai.bac-luan-1/bl1-e07/state/camera/health')
  t.strictSame(topics.target(topic), { component: 'gate', command: 'decide' })
  for (const other of [`${topic}/more`, topics.facts, 'portcullis/v1/x/y/commands/gate/decide', `${topics.prefix}/commands/gate`, `${topics.prefix}/commands//decide`]) {
    t.equal(topics.target(other), undefined, other)
  }
  for (const [site, device] of [['a+b', 'd'], ['a', 'd/e'], ['a', '#'], ['', 'd'], ['a', ''], ['a.b', 'd'], ['a/b/c/d/e', 'f'], ['a//b', 'd']] as const) {
    t.throws(() => topicsOf({ site, device }), { code: 'PC-UPLINK-ID' }, `${site} ${device}`)
  }
  fc.assert(fc.property(fc.string(), fc.string(), (site, device) => {
    if (site.split('/').every(isPart) && isPart(device)) return
    t.throws(() => topicsOf({ site, device }))
  }), { numRuns: 200 })
})

void t.test('filters cover what they match, and no more', async (t) => {
  for (const [filter, wanted, expected] of [
    ['a/#', 'a/b/c', true], ['a/#', 'a', true], ['a/+', 'a/b', true], ['a/+', 'a/b/c', false], ['a/+', 'a/+', true], ['a/+', 'a/#', false],
    ['a/b', 'a/+', false], ['#', '$SYS/x', false], ['$SYS/#', '$SYS/x', true], ['a/b/c', 'a/b', false], ['#', '#', true], ['+', 'a', true], ['+/+', '/', true],
  ] as const) t.equal(covers(filter, wanted), expected, `${filter} ${wanted}`)
})

void t.test('reading an order: total over all bytes', async (t) => {
  t.strictSame(readOrder(bytes(order)), order)
  const refusedCode = (value: unknown): unknown => readOrder(value instanceof Uint8Array ? value : bytes(value))
  t.match(refusedCode(Buffer.alloc(20_000, 0x20)), { refused: 'PC-UPLINK-COMMAND', id: undefined })
  t.match(refusedCode({ ...order, role: 'controller' }), { refused: 'PC-UPLINK-COMMAND', id: 'c-1' }, 'the role of the device itself never comes from outside')
  t.match(refusedCode({ ...order, id: 'a/b' }), { refused: 'PC-UPLINK-COMMAND', id: undefined }, 'an id that is no topic level gets no answer')
  t.match(refusedCode({ ...order, extra: 1 }), { refused: 'PC-UPLINK-COMMAND', id: 'c-1' })
  t.match(refusedCode(Buffer.from([0xff, 0xfe, 0x7b])), { refused: 'PC-UPLINK-COMMAND' })
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (garbage) => 'refused' in readOrder(garbage)), { numRuns: 500 })
  fc.assert(fc.property(fc.json({ maxDepth: 4 }), (text) => 'refused' in readOrder(Buffer.from(text))), { numRuns: 500 })
  fc.assert(fc.property(fc.constantFrom(...Object.keys(order)), fc.jsonValue(), (field, value) => {
    const read = readOrder(bytes({ ...order, [field]: value }))
    return 'refused' in read ? read.id === undefined || /^[\w-]{1,64}$/.test(read.id) : /^[\w-]{1,64}$/.test(read.id)
  }), { numRuns: 500 })
  fc.assert(fc.property(fc.nat(400), fc.integer({ min: 0, max: 255 }), (at, byte) => {
    const damaged = Uint8Array.from(bytes(signOrder(topic, order, pair.privateKey)))
    const before = damaged[at % damaged.length]
    damaged[at % damaged.length] = byte
    const read = readOrder(damaged)
    return before === byte || 'refused' in read || distrust(topic, read, { keys: [pair.publicKey], acceptUnsigned: false }) !== undefined
      || JSON.stringify(read) === JSON.stringify(signOrder(topic, order, pair.privateKey))
  }), { numRuns: 500 })
})

void t.test('an order holds for its topic, its authority and its fields only', async (t) => {
  const trust = { keys: authorityKeys([pem]), acceptUnsigned: false }
  const signed = signOrder(topic, order, pair.privateKey)
  t.equal(distrust(topic, signed, trust), undefined)
  const other = topics.command({ component: 'gate', command: 'service' })
  t.match(distrust(other, signed, trust), { refused: 'PC-UPLINK-SIGNATURE' }, 'not for another command')
  t.match(distrust(topic.replace('bl1-e07', 'bl1-e08'), signed, trust), { refused: 'PC-UPLINK-SIGNATURE' }, 'not for another device')
  t.match(distrust(topic, { ...signed, role: 'engineer' }, trust), { refused: 'PC-UPLINK-SIGNATURE' })
  t.match(distrust(topic, { ...signed, args: { decision: 'refuse' } }, trust), { refused: 'PC-UPLINK-SIGNATURE' })
  t.match(distrust(topic, { ...signed, expiresAt: signed.expiresAt + 1 }, trust), { refused: 'PC-UPLINK-SIGNATURE' })
  t.match(distrust(topic, signOrder(topic, order, generateKeyPairSync('ed25519').privateKey), trust), { refused: 'PC-UPLINK-SIGNATURE' })
  t.match(distrust(topic, signed, { keys: [], acceptUnsigned: true }), { refused: 'PC-UPLINK-SIGNATURE' }, 'accepting unsigned orders accepts no wrong signature')
  t.match(distrust(topic, order, trust), { refused: 'PC-UPLINK-UNSIGNED' })
  t.equal(distrust(topic, order, { keys: [], acceptUnsigned: true }), undefined)
  const deep = readOrder(Buffer.from(JSON.stringify(order).replace('"grant"', '['.repeat(7_000) + ']'.repeat(7_000))))
  t.doesNotThrow(() => distrust(topic, deep as Order, trust), 'deep nesting does not bring it down')
  t.throws(() => authorityKeys(['nonsense']), { code: 'PC-UPLINK-KEY' })
  t.throws(() => authorityKeys([generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ type: 'spki', format: 'pem' }).toString()]), { code: 'PC-UPLINK-KEY' })
})

void t.test('an order holds from its issue to its expiry, by this clock', async (t) => {
  const limits = { lifetime_ms_max: 600_000, skew_ms_max: 30_000 }
  const { issuedAt, expiresAt } = order
  t.equal(untimely(order, issuedAt, limits), undefined)
  t.equal(untimely(order, issuedAt - 30_000, limits), undefined, "the centre's clock may be a little ahead")
  t.match(untimely(order, issuedAt - 30_001, limits), { refused: 'PC-UPLINK-CLOCK' })
  t.equal(untimely(order, expiresAt - 1, limits), undefined)
  t.match(untimely(order, expiresAt, limits), { refused: 'PC-UPLINK-EXPIRED' }, 'no grace')
  t.match(untimely({ ...order, expiresAt: issuedAt + 600_001 }, issuedAt, limits), { refused: 'PC-UPLINK-LIFETIME' })
  t.match(untimely({ ...order, expiresAt: issuedAt - 1 }, issuedAt, limits), { refused: 'PC-UPLINK-EXPIRED' })
})

void t.test('the window moves over the unbroken run of acknowledged facts, whatever their order', async () => {
  fc.assert(fc.property(fc.integer({ min: 1, max: 64 }).chain((count) => fc.shuffledSubarray([...Array(count).keys()], { minLength: 0, maxLength: count })), (order) => {
    const window = new Window(64)
    const facts = [...Array(64).keys()].map((seq) => ({ seq, missing: 0, sent: 0, acknowledged: false }))
    for (const fact of facts) window.add(fact)
    const done = order.flatMap((index) => window.acknowledge(facts[index]!).map(({ seq }) => seq))
    const run = facts.findIndex(({ acknowledged }) => !acknowledged)
    return window.room === done.length && done.every((seq, index) => seq === index) && done.length === (run === -1 ? 64 : run)
  }))
})

void t.test('packet sizes are told from any cut of the stream', async (t) => {
  const packet = (length: number): number[] => {
    const head = [0x30]
    let rest = length
    do {
      head.push((rest & 0x7f) | (rest > 127 ? 0x80 : 0))
      rest >>>= 7
    } while (rest > 0)
    return [...head, ...Array<number>(length).fill(0xff)]
  }
  fc.assert(fc.property(fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 1, maxLength: 6 }), fc.integer({ min: 1, max: 50 }), (lengths, cut) => {
    const stream = Uint8Array.from(lengths.flatMap(packet))
    const sizes = new PacketSizes(300)
    let accepted = true
    for (let at = 0; at < stream.length && accepted; at += cut) accepted = sizes.accept(stream.subarray(at, at + cut))
    return accepted === lengths.every((length) => length <= 300)
  }))
  t.equal(new PacketSizes(300_000_000).accept(Uint8Array.of(0x30, 0x80, 0x80, 0x80, 0x80, 0x01)), false, 'a length of five bytes is malformed')
  t.equal(new PacketSizes(300_000_000).accept(Uint8Array.of(0x30, 0x80, 0x80, 0x80, 0x01)), true)
})
