import t from 'tap'
import { systemClock } from '../base/clock.ts'
import { sleep } from '../base/wait.ts'
import type { FrameService } from './io.ts'
import { rig, secretOf, type Seat } from './rig.ts'

// People wait in these tests: for a key that is let go, for a session that idles. A busy machine takes longer.
t.setTimeout(180_000)

/** Until something is so that no output tells. */
async function until(holds: () => boolean): Promise<void> {
  for (let waited_ms = 0; !holds(); waited_ms += 5) {
    if (waited_ms > 20_000) throw new Error('it did not become so')
    await sleep(systemClock, 5)
  }
}

const done = (seat: Seat, line: string): Promise<string> => seat.ask(line)

void t.test('nobody is in without a login, and no secret is shown', async (t) => {
  const { seat, device } = await rig(t)
  await seat.until(/Portcullis 1\.2\.3 {2}mong-cai\/bl1-e07\r\nlogin: $/)
  seat.type('nguyen\r')
  await seat.until(/secret \(empty: challenge\): $/)
  seat.type('a wrong secret\r')
  const refused = await seat.until(/login: $/)
  t.match(refused, 'PC-ACCESS-REFUSED')
  t.notMatch(refused, 'a wrong')
  seat.type('nguyen\r')
  await seat.until(/challenge\): $/)
  seat.type(`${secretOf('nguyen')}\r`)
  const welcome = await seat.until(/> $/)
  t.match(welcome, 'Welcome, nguyen: you may do what a technician may.')
  t.notMatch(welcome, 'long secret')
  t.match(await done(seat, 'who'), /nguyen +technician +serial +\/dev\/ttyTEST/)
  seat.type('logout\r')
  await seat.until(/You are logged out\.[^]*login: $/)
  t.strictSame(device.facts.filter(({ kind }) => kind === 'access.ended').map(({ body }) => (body as { why: string }).why), ['logout'])
})

void t.test('an empty secret gives a challenge that the authority answers, once', async (t) => {
  const { seat, device } = await rig(t)
  await seat.until(/login: $/)
  const begin = async (): Promise<string> => {
    seat.type('stranger\r')
    await seat.until(/challenge\): $/)
    seat.type('\r')
    const text = await seat.until(/answer: $|login: $/)
    // Challenges are not given as fast as one can type.
    return text.endsWith('answer: ') ? text.split('\r\n').at(-2) ?? '' : await sleep(systemClock, 300).then(begin)
  }
  const answer = device.answerTo(await begin(), 'technician')
  seat.type(`${answer}\r`)
  t.match(await seat.until(/> $/), 'Welcome, stranger')
  seat.type('exit\r')
  await seat.until(/login: $/)
  await begin()
  seat.type(`${answer}\r`)
  t.match(await seat.until(/\(PC-ACCESS-[A-Z]+\)/), /PC-ACCESS-(REPLAYED|FOREIGN|EXPIRED)/, 'an answer that was used lets nobody in')
})

void t.test('a component that nobody foresaw is shown, completed, explained and called', async (t) => {
  const { seat, device } = await rig(t)
  await seat.login('nguyen')
  const shown = await done(seat, 'show gizmo')
  t.match(shown, /A thing that was made up[^]*colour +-\n[^]*speed +12\.5 r\/min\n[^]*pins\.motorLeft +true[^]*paint colour=<red, green, blue> \[coats=<integer 1\.\.9, optional>\]\s+\(technician\)/)
  t.match(await done(seat, 'call gizmo paint colour=green coats=2'), 'painted                      green x 2')
  t.match(await done(seat, 'call giz pai co=bl'), 'PC-CONSOLE-SYNTAX', 'co= could be colour or coats')
  t.match(await done(seat, 'call giz pai col=bl'), 'blue x 1', 'words can be shortened')
  t.strictSame(device.done, ['paint green 2', 'paint blue 1'])
  t.match(await done(seat, 'show counters gizmo'), /gizmo\.turns +3\ngizmo\.stalls +0/)
  t.match(await done(seat, 'test gizmo'), /gizmo +FAIL +paint: It peels\.\n\n0 passed, 1 failed/)

  const complete = async (text: string, expected: RegExp): Promise<void> => {
    seat.type(`${text}\t`)
    t.match(await seat.until(expected), expected)
    seat.type('\x15\x03')
    await seat.until(/\^C\r\n.*> $/)
  }
  await complete('call gi', /call gizmo $/)
  await complete('call gizmo pa', /call gizmo paint $/)
  await complete('call gizmo paint col', /call gizmo paint colour=$/)
  await complete('call gizmo paint colour=g', /colour=green $/)
  await complete('call gizmo pulse pin=', /pin=motor$/)
  await complete('call gizmo pulse pin=motorL', /pin=motorLeft $/)
  await complete('show giz', /show gizmo $/)
  await complete('watch 5 show giz', /show gizmo $/)
  await complete('show gizmo | gr', /grep $/)

  seat.type('call gizmo ')
  await seat.until(/gizmo $/)
  seat.type('?')
  const help = await seat.until(/Example[^]*> call gizmo $/)
  t.match(help, /paint +Paints it\./)
  seat.type('\x15')
  t.match(await done(seat, 'help call'), /example: call relays/)
})

void t.test('help explains every command, with an example', async (t) => {
  const { seat } = await rig(t)
  await seat.login('vien')
  seat.type('help --json\r')
  await seat.until(/> $/)
  seat.type('help | exclude zzz\r')
  let text = ''
  for (;;) {
    const page = await seat.until(/--More--$|> $/)
    text += page
    if (page.endsWith('> ')) break
    seat.type(' ')
  }
  for (const word of ['show status', 'show <component>', 'test [what]', 'undo <id>', 'service <component> [argument=value...]', 'log follow', 'trace <part>', 'send <file>', 'reboot', 'watch <seconds and command...>']) t.match(text, word)
})

void t.test('what moves is asked about; a role that does not suffice is told at once', async (t) => {
  const { seat, device } = await rig(t)
  await seat.login('nguyen')
  t.match(await done(seat, 'call gizmo spin'), 'PC-CONSOLE-ROLE')
  t.match(await done(seat, 'service flap'), 'PC-CONSOLE-ROLE')
  seat.type('login li\r')
  await seat.until(/Somebody else took this line\.[^]*challenge\): $/)
  seat.type(`${secretOf('li')}\r`)
  await seat.until(/Welcome, li[^]*> $/)
  seat.type('call gizmo spin\r')
  await seat.until(/Type yes to go on: $/)
  t.match(await done(seat, 'no'), 'PC-CONSOLE-CONFIRM')
  t.match(await done(seat, 'call gizmo spin --yes --json'), '{"ok":true}')
  t.match(await done(seat, 'call gizmo spin --json'), '{"ok":false,"code":"PC-CONSOLE-CONFIRM"')
  seat.type('call gizmo spin --yes\r')
  await seat.until(/Type yes to go on: $/)
  t.match(await done(seat, 'yes'), 'Done.')
  t.strictSame(device.done, ['spin', 'spin'])
})

void t.test('what is personal is asked for unseen, and neither kept nor shown', async (t) => {
  const { seat, device } = await rig(t)
  await seat.login('nguyen')
  t.match(await done(seat, 'call gizmo teach phrase=open-sesame kind=short'), 'PC-CONSOLE-PERSONAL')
  seat.type('call gizmo teach\r')
  await seat.until(/phrase: $/)
  seat.type('open sesame\r')
  const between = await seat.until(/kind: $/)
  const after = await done(seat, 'short')
  t.match(after, 'Done.')
  t.notMatch(between + after, 'sesame')
  t.strictSame(device.done, ['teach open sesame'])
  t.notMatch(JSON.stringify(device.facts), 'sesame')
})

void t.test('names from outside cannot move the cursor or set the title', async (t) => {
  const { seat } = await rig(t)
  await seat.login('vien')
  seat.type('show drivers\r')
  await until(() => seat.out.endsWith('> '))
  const raw = seat.out
  t.match(raw, 'Acme')
  for (const injected of ['\u001b]', '\u001b[2J', '\u0007']) t.notOk(raw.includes(injected))
})

void t.test('pages, filters, JSON, abbreviations and mistakes', async (t) => {
  const { seat } = await rig(t)
  await seat.login('vien')
  t.match(await done(seat, 'sh st'), /device +mong-cai\/bl1-e07[^]*lamp +failed +PC-LINK-OPEN/)
  t.match(await done(seat, 'show health | grep LAMP'), /^lamp +failed[^\n]*\n$/)
  t.notMatch(await done(seat, 'show health | exclude ready | exclude component'), 'gizmo')
  const lines = (await done(seat, 'show health --json')).trim().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>)
  t.match(lines.find(({ name }) => name === 'lamp'), { status: 'failed', code: 'PC-LINK-OPEN' })
  t.strictSame(lines.at(-1), { ok: true })
  t.match(await done(seat, 's'), /"s" can be [^]*PC-CONSOLE-SYNTAX/)
  t.match(await done(seat, 'frobnicate'), 'There is no command "frobnicate"')
  t.match(await done(seat, 'show "gizmo'), 'A quotation mark is not closed.')
  t.match(await done(seat, 'show gizmo | sort x'), 'After | comes one of')
  t.match(await done(seat, 'settings'), 'PC-CONSOLE-ABSENT', 'a service that is not there is told of')
  for (const line of ['show gizmo', 'show flap', 'test gizmo', 'show settings', 'help call']) {
    const rows = (await done(seat, line)).split('\n')
    t.strictSame(rows.filter((row) => row.length > 79), [], `${line}: what is longer than a row of the terminal goes on below`)
  }
  seat.type('help\r')
  const first = await seat.until(/--More--$/)
  const heights = first.split('\r\n').slice(1, -1).map((row) => Math.max(1, Math.ceil(row.length / 80)))
  const height = heights.reduce((sum, each) => sum + each, 0)
  t.ok(height === 22 || height === 23, 'a page leaves a row for the question')
  seat.type('q')
  await seat.until(/> $/)
})

void t.test('Ctrl-C ends what runs, and the line goes on', async (t) => {
  const { seat, device } = await rig(t)
  await seat.login('nguyen')
  seat.type('call gizmo hang\r')
  await until(() => device.facts.some(({ kind }) => kind === 'access.command'))
  seat.type('\x03')
  await seat.until(/\^C\r\n.*> $/)
  seat.type('watch 1 show counters gizmo\r')
  await seat.until(/gizmo\.turns +3/)
  seat.type('\x03')
  await seat.until(/\^C\r\n.*> $/)
  seat.type('call gizmo hang\r')
  await until(() => device.facts.filter(({ kind }) => kind === 'access.command').length === 2)
  seat.type(Uint8Array.of(0))
  await seat.until(/\^C\r\n.*> $/)
  t.pass('a break signal does, too')
})

void t.test('whoever looks on fills no journal', async (t) => {
  const { seat, device } = await rig(t)
  await seat.login('nguyen')
  seat.type('watch 1 test gizmo\r')
  // Each time the clock in the first row is painted again.
  await until(() => seat.out.split('\u001b[1;1H').length > 4)
  seat.type('\x03')
  await seat.until(/\^C\r\n.*> $/)
  t.equal(device.facts.filter(({ kind }) => kind === 'access.command').length, 1, 'the first look is on the record')
  seat.type('watch 1 undo 1\r')
  await seat.until(/may change something/)
  t.equal(device.facts.filter(({ kind }) => kind === 'access.command').length, 1, 'what may change something is not repeated off the record')
})

void t.test('a barrier is open only while the key is held', async (t) => {
  const { seat, device } = await rig(t)
  await seat.login('li')
  t.match(await done(seat, 'service flap'), 'PC-DEVICE-SERVICE', 'not while travellers use the gate')
  device.outOfService()
  seat.type('service flap\r')
  await seat.until(/go on: $/)
  seat.type('yes\r')
  await seat.until(/Any other key ends/)
  for (let press = 0; press < 8; press++) {
    seat.type(' ')
    await sleep(systemClock, 200)
  }
  t.strictSame(device.done, ['barrier open'], 'it stays open while the key repeats')
  await until(() => device.done.length === 2)
  t.strictSame(device.done, ['barrier open', 'barrier closed'], 'and shuts when it does not')
  await seat.until(/flap state +closed/)
  seat.type(' ')
  await until(() => device.done.length === 3)
  seat.unplug()
  await until(() => device.done.length === 4)
  t.equal(device.done.at(-1), 'barrier closed', 'a cable that is pulled shuts it at once')
  const asked = device.facts.filter(({ kind }) => kind === 'access.command').map(({ body }) => (body as { command: string }).command)
  t.ok(asked.filter((command) => command === 'open').length >= 3, 'each renewal is on the record')
  t.equal(asked.at(-1), 'close')
})

void t.test('unplugged in the middle of a command: the session ends as lost, the port is opened again', async (t) => {
  const { seat, device, console } = await rig(t)
  await seat.login('nguyen')
  seat.type('call gizmo hang\r')
  await until(() => device.facts.some(({ kind }) => kind === 'access.command'))
  seat.unplug()
  await until(() => device.facts.some(({ kind }) => kind === 'access.ended'))
  t.match(device.facts.findLast(({ kind }) => kind === 'access.ended')?.body, { person: 'nguyen', why: 'lost' })
  t.match(console.component.health, { status: 'degraded', code: 'PC-CONSOLE-LOST' })
  await until(() => seat.plugged)
  await seat.until(/login: $/)
  t.match(console.component.health, { status: 'ready' })
})

void t.test('tamper, idling and shutting down end sessions with a word', async (t) => {
  const { seat, device, console } = await rig(t, { access: { idle_s: { serial: 1, terminal: 1, network: 1, page: 1, opcua: 1 } } })
  await seat.login('nguyen')
  await seat.until(/nothing was typed for too long\.[^]*login: $/)
  seat.type('nguyen\r')
  await seat.until(/challenge\): $/)
  seat.type(`${secretOf('nguyen')}\r`)
  await seat.until(/Welcome[^]*> $/)
  await console.stop()
  t.match(seat.out, 'The device stops')
  t.strictSame(device.facts.filter(({ kind }) => kind === 'access.ended').map(({ body }) => (body as { why: string }).why), ['idle', 'shutdown'])
})

void t.test('line noise and a wrong speed: calm, and well again', async (t) => {
  const { seat, console, device } = await rig(t)
  await seat.until(/login: $/)
  let seed = 1
  const noise = Uint8Array.from({ length: 20_000 }, () => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648
    // A wrong speed shows as high bytes, mostly.
    return (seed >> 8) & 0xff | (seed % 4 === 0 ? 0 : 0x80)
  })
  for (let at = 0; at < noise.length; at += 500) {
    seat.type(noise.subarray(at, at + 500))
    await sleep(systemClock, 1)
  }
  await until(() => (console.component.read('counters')?.['noise'] ?? 0) > 5_000)
  t.ok(seat.bytes < 4_000, `it hardly answers to noise: ${seat.bytes} bytes to 20000`)
  t.notOk(device.facts.some(({ kind }) => kind === 'access.refusal'), 'and takes none of it for a login')
  seat.out = ''
  seat.type('\x1b\x1b\r\r\r\r')
  await seat.until(/login: $/)
  seat.type('\r\rvien\r')
  await seat.until(/challenge\): $/)
  seat.type(`${secretOf('vien')}\r`)
  await seat.until(/Welcome/)
})

void t.test('a megabyte without a newline, and a terminal that takes nothing', async (t) => {
  const { seat, console } = await rig(t)
  await seat.login('vien')
  const before = seat.bytes
  for (let sent = 0; sent < 1_048_576; sent += 16_384) {
    seat.type(new Uint8Array(16_384).fill(0x61))
    await sleep(systemClock, 1)
  }
  await until(() => seat.out.includes('\u0007'))
  t.equal(seat.out.split('\u0007').length - 1, 1, 'one bell')
  t.ok(seat.bytes - before < 20_000, 'a line that scrolls is not sent again for each letter')
  seat.type('\r')
  await seat.until(/was not taken\.\r\n.*> $/)
  let release = (): void => undefined
  seat.stalled = new Promise((resolve) => {
    release = resolve
  })
  const heap = process.memoryUsage().heapUsed
  for (let asked = 0; asked < 200; asked++) seat.type('show components | exclude zzzz\r')
  await sleep(systemClock, 200)
  t.ok(process.memoryUsage().heapUsed - heap < 20_000_000, 'output waits for the line and is not heaped up')
  t.ok((console.component.read('counters')?.['bytes_out'] ?? 0) < 1_000_000)
  seat.stalled = undefined
  release()
  seat.type('\x03')
  await seat.until(/> $/)
  seat.type('who\r')
  await seat.until(/vien +viewer/)
})

void t.test('XOFF holds the output, XON or any key lets it go on', async (t) => {
  const { seat } = await rig(t)
  await seat.login('vien')
  seat.type('\x13')
  seat.type('')
  const before = seat.bytes
  // XOFF arrives after the letter, in the same piece: a letter after it would let the output go on.
  seat.type('who\x13')
  await sleep(systemClock, 50)
  t.equal(seat.bytes, before)
  seat.type('\x11')
  await seat.until(/who$/)
  t.match(await done(seat, ''), /vien +viewer/)
})

/** A program's protocol of these tests: `0x00 "frame" 0x00` begins it, and "end" ends it. */
const frames = (served: string[]): FrameService => ({
  frameMax: 64,
  recognises: (frame) => Buffer.from(frame).toString('latin1') === '\0frame\0',
  async serve(io, signal) {
    for (;;) {
      const text = Buffer.from(await io.read(undefined, signal)).toString('latin1')
      served.push(text)
      await io.write(Buffer.from(`<${text.length}>`))
      if (text.includes('end')) return
    }
  },
})

void t.test('a program at the other end takes the line with its first frame, whoever was logged in', async (t) => {
  const served: string[] = []
  const { seat, device } = await rig(t, { frames: frames(served) })
  await seat.login('nguyen')
  seat.type('\0fra')
  seat.type('me\0')
  await seat.until(/<7>$/)
  t.match(device.facts.findLast(({ kind }) => kind === 'access.ended')?.body, { person: 'nguyen', why: 'replaced' })
  seat.type('\x13\x11\x03')
  await seat.until(/^<3>$/)
  t.strictSame(served, ['\0frame\0', '\x13\x11\x03'], 'every byte is the program\'s, flow control too')
  seat.type('end')
  await seat.until(/<3>[^]*login: $/)
  seat.type('ng\0uyen\r')
  await seat.until(/\^C\r\nlogin: uyen\r\nsecret.*: $/)
  t.pass('a NUL that begins no frame is a break')
})

void t.test('history: per person, over restarts, without secrets', async (t) => {
  const { seat, console } = await rig(t)
  await seat.login('nguyen')
  await done(seat, 'who')
  await done(seat, 'get uplink.key secret=abc')
  seat.type('\x1b[A')
  await seat.until(/who$/)
  await console.stop()
  await console.start()
  await seat.login('nguyen')
  seat.type('\x1b[A')
  await seat.until(/who$/)
  seat.type('\x15logout\r')
  await seat.login('vien')
  seat.type('\x1b[A')
  await until(() => seat.out.includes('\u0007'))
  t.notMatch(seat.out, 'who', 'somebody else has their own')
})
