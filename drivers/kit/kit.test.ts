import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import fc from 'fast-check'
import t from 'tap'
import { ManualClock, systemClock } from '../../edge/base/clock.ts'
import { silent } from '../../edge/base/log.ts'
import { ascii, concat, crc16Modbus, equal, fromHex } from '../../edge/base/bytes.ts'
import { Type } from '../../edge/base/schema.ts'
import { Component } from '../../edge/device/component.ts'
import { contract, property, command } from '../../edge/device/contract.ts'
import { conformance } from './conformance.ts'
import { defineDriver, expectOption, linkLimits, mismatch, optionsOf, portOption } from './driver.ts'
import { type Framer, framerOf } from './framing.ts'
import { Session } from './session.ts'
import { transportTo } from './transport.ts'
import { pseudoTerminalsAvailable, StreamTwin, type Via } from './twin.ts'

/** A thermometer for the tests: `?<letter>` is answered with `!<letter><value>*<sum>\n`. */
const Thermometer = contract('thermometer', 'Measures.', {
  celsius: property(Type.Integer(), 'How warm it is.', 'Cel'),
  measure: command({}, 'Measures now.', { role: 'viewer', result: Type.Object({ celsius: Type.Integer() }) }),
})

const sumOf = (text: string): string => (ascii(text).reduce((sum, byte) => sum + byte, 0) % 256).toString(16).padStart(2, '0')

function lines(): Framer<string> {
  return framerOf<string>((bytes) => {
    if (bytes[0] !== 0x21) return { kind: 'skip', length: 1 }
    const end = bytes.indexOf(0x0a)
    if (end < 0) return { kind: 'more' }
    const [body, sum] = Buffer.from(bytes.subarray(0, end)).toString('latin1').split('*')
    if (body === undefined || sum !== sumOf(body)) return { kind: 'skip', length: 1 }
    return { kind: 'frame', frame: body, length: end + 1 }
  }, 32)
}

const thermometer = defineDriver({
  name: 'test/thermometer',
  says: 'A thermometer that only this test knows.',
  contract: Thermometer,
  options: optionsOf({ port: portOption(), expect: expectOption(), ...linkLimits }),
  create(options, context) {
    const ask = (letter: string): Promise<string> =>
      session.connection.request(ascii(`?${letter}`), (frame) => (frame[1] === letter ? frame.slice(2) : undefined))
    const component = new Component(context.name, Thermometer, context.clock, {
      selfTest: async () => {
        const celsius = Number(await ask('T'))
        return { passed: true, checks: [{ name: 'temperature', passed: true, value: celsius, unit: 'Cel', says: 'It measures.' }] }
      },
      measure: async () => {
        const celsius = Number(await ask('T'))
        component.publish('celsius', celsius)
        return { celsius }
      },
    })
    const session = new Session<string>({
      component, transport: transportTo(options.port, { baud: 9600 }), framer: lines(), clock: context.clock, log: context.log,
      limits: options, expect: options.expect, gap_ms: 50,
      identify: async (connection) => ({
        manufacturer: 'Test', model: await connection.request(ascii('?I'), (frame) => (frame[1] === 'I' ? frame.slice(2) : undefined)),
      }),
      serve: async (connection, signal) => {
        while (!signal.aborted) {
          await connection.request(ascii('?P'), (frame) => (frame[1] === 'P' ? true : undefined), { signal })
          await new Promise<void>((resolve) => {
            const cancel = context.clock.after(50, resolve)
            signal.addEventListener('abort', () => { cancel(); resolve() }, { once: true })
          })
        }
      },
    })
    return { component, start: (signal) => session.start(signal), stop: () => session.stop() }
  },
})

const twinOf = (via?: Via) => new StreamTwin((send) => ({
  receive(bytes: Uint8Array) {
    const letter = String.fromCharCode(bytes[1] ?? 0)
    const body = `!${letter}${letter === 'I' ? 'T-1000' : '21'}`
    send(ascii(`${body}*${sumOf(body)}\n`))
  },
}), via)

for (const via of pseudoTerminalsAvailable() ? ['pty', 'tcp', 'udp'] as const : ['tcp', 'udp'] as const) {
  void t.test(`the conformance suite over ${via}`, async (t) => {
    conformance(t, {
      driver: thermometer,
      twin: () => twinOf(via),
      options: { reply_ms: 300, reconnect_ms: 20, retries: 2 },
      exercise: async (component) => {
        const { celsius } = await component.invoke('measure', {})
        if (celsius !== 21) throw new Error('it measures wrongly')
      },
    })
  })
}

void t.test('a device that hangs up while it is asked what it is was lost, not cancelled', async (t) => {
  const server = createServer((socket) => void socket.once('data', () => socket.destroy())).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const { component, start, stop } = thermometer.create(
    { port: `tcp://127.0.0.1:${port}`, reply_ms: 5_000, retries: 0, reconnect_ms: 10_000 },
    { name: 'thermometer', clock: systemClock, log: silent, part: () => { throw new Error('none') }, secret: () => Promise.reject(new Error('none')) },
  )
  await start(new AbortController().signal)
  t.match(component.health, { status: 'failed', code: 'PC-LINK-LOST' })
  await stop()
  server.close()
})

void t.test('a link that comes and goes is opened ever more slowly; one that lasted, at once', async (t) => {
  const clock = new ManualClock()
  const opened: number[] = []
  let hangUp: () => void = () => undefined
  const component = new Component('x', contract('x', 'Says nothing.', {}), clock, { selfTest: async () => ({ passed: true, checks: [] }) })
  const session = new Session<string>({
    component, framer: lines(), clock, log: silent, limits: { reply_ms: 100, retries: 0, reconnect_ms: 100 },
    transport: {
      where: 'nowhere',
      async open({ onClosed }) {
        opened.push(clock.now())
        hangUp = onClosed
        return { write: () => Promise.resolve(), close: () => undefined }
      },
    },
    identify: async () => ({ manufacturer: 'Test', model: 'x' }),
  })
  const settle = async (): Promise<void> => { for (let turn = 0; turn < 100; turn++) await Promise.resolve() }
  const reopened = async (): Promise<number> => {
    const before = opened.length
    const lost = clock.now()
    hangUp()
    await settle()
    while (opened.length === before) {
      clock.advance(5)
      await settle()
    }
    return clock.now() - lost
  }
  await session.start(new AbortController().signal)
  const [first, second, third] = [await reopened(), await reopened(), await reopened()]
  t.ok(first <= 130 && second >= 150 && third >= 300, `after ${first}, ${second} and ${third} ms`)
  clock.advance(10_000)
  t.ok(await reopened() <= 130)
  await session.stop()
  t.equal(clock.pending, 0)
})

void t.test('a request does not tear the frame that is arriving from a device that sends unasked', async (t) => {
  for (const streams of [true, false]) {
    const heard: string[] = []
    const component = new Component('x', contract('x', 'Says nothing.', {}), systemClock, { selfTest: async () => ({ passed: true, checks: [] }) })
    const unasked = `!T21*${sumOf('!T21')}\n`
    let send: (text: string) => void = () => undefined
    const session = new Session<string>({
      component, framer: lines(), clock: systemClock, log: silent, limits: { reply_ms: 5_000, retries: 0, reconnect_ms: 100 }, streams,
      transport: {
        where: 'nowhere',
        async open({ onBytes }) {
          send = (text) => onBytes(ascii(text))
          return { write: async () => send(`${unasked.slice(4)}!R*${sumOf('!R')}\n`), close: () => undefined }
        },
      },
      identify: async () => ({ manufacturer: 'Test', model: 'x' }),
      onFrame: (frame) => heard.push(frame),
    })
    await session.start(new AbortController().signal)
    send(unasked.slice(0, 4))
    t.equal(await session.connection.request(ascii('?R'), (frame) => (frame === '!R' ? frame : undefined)), '!R')
    t.strictSame(heard, streams ? ['!T21'] : [], streams ? 'it arrives whole' : 'of others what is unfinished is no reply')
    await session.stop()
  }
})

void t.test('the rest of a frame that waits while our own loop is busy is not given up', async (t) => {
  const clock = new ManualClock()
  const heard: string[] = []
  const component = new Component('x', contract('x', 'Says nothing.', {}), clock, { selfTest: async () => ({ passed: true, checks: [] }) })
  let send = (text: string): void => void text
  const session = new Session<string>({
    component, framer: lines(), clock, log: silent, limits: { reply_ms: 5_000, retries: 0, reconnect_ms: 100 }, gap_ms: 50,
    transport: {
      where: 'nowhere',
      async open({ onBytes }) {
        send = (text) => onBytes(ascii(text))
        return { write: () => Promise.resolve(), close: () => undefined }
      },
    },
    identify: async () => ({ manufacturer: 'Test', model: 'x' }),
    onFrame: (frame) => heard.push(frame),
  })
  await session.start(new AbortController().signal)
  const frame = `!T21*${sumOf('!T21')}\n`
  send(frame.slice(0, 4))
  // Timers that are due come before the bytes that have waited.
  clock.advance(50)
  send(frame.slice(4))
  t.strictSame(heard, ['!T21'])
  send(frame.slice(0, 4))
  clock.advance(50)
  clock.advance(5)
  send(`${frame.slice(4)}${frame}`)
  t.strictSame(heard, ['!T21', '!T21'], 'what has really stopped in its middle is no beginning')
  t.equal(session.counters.get('framesIn'), 2)
  await session.stop()
})

void t.test('framing finds every frame again, however the bytes are cut and whatever stands between them', async (t) => {
  fc.assert(fc.property(
    fc.array(fc.oneof(fc.constant('frame'), fc.uint8Array({ maxLength: 6 }).map((bytes) => bytes.map((byte) => (byte === 0x21 ? 0x20 : byte)))), { maxLength: 20 }),
    fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }),
    (parts, cuts) => {
      const stream = concat(parts.map((part) => (part === 'frame' ? ascii(`!T21*${sumOf('!T21')}\n`) : part as Uint8Array)))
      const framer = lines()
      let found = 0
      for (let at = 0, turn = 0; at < stream.length; turn++) {
        const length = cuts[turn % cuts.length] ?? 1
        found += framer.push(stream.subarray(at, at + length)).length
        at += length
      }
      t.equal(found, parts.filter((part) => part === 'frame').length)
    },
  ), { numRuns: 200 })
})

void t.test('framing of any bytes neither throws nor grows', async (t) => {
  fc.assert(fc.property(fc.array(fc.uint8Array({ maxLength: 100 })), (chunks) => {
    const framer = lines()
    for (const chunk of chunks) framer.push(chunk)
    return framer.pending <= 32
  }))
  t.pass()
})

void t.test('bytes', async (t) => {
  // Modbus over Serial Line V1.02, appendix B: 02 07 gives CRC 41 12 on the wire, low byte first.
  t.equal(crc16Modbus(fromHex('02 07')), 0x1241)
  t.ok(equal(fromHex('00ff'), Uint8Array.of(0, 255)))
  t.equal(mismatch({ manufacturer: 'm', model: 'a' }, { model: 'b' }), 'model a, expected b')
  t.equal(mismatch({ manufacturer: 'm', model: 'a', serial: '1' }, { serial: '2' }), 'serial number 1, expected 2')
  t.equal(mismatch({ manufacturer: 'm', model: 'a' }, undefined), undefined)
})
