/** What moves while the space bar is held: by its declaration alone, whatever it is. */
import t, { type Test } from 'tap'
import { systemClock } from '../../base/clock.ts'
import { sleep } from '../../base/wait.ts'
import { type Rig, rig } from '../rig.ts'

// People wait in these tests for a key that is let go. A busy machine takes longer.
t.setTimeout(180_000)

/** Until something is so that no output tells. */
async function until(holds: () => boolean): Promise<void> {
  for (let waited_ms = 0; !holds(); waited_ms += 5) {
    if (waited_ms > 20_000) throw new Error('it did not become so')
    await sleep(systemClock, 5)
  }
}

interface Bench extends Rig {
  /** Asks to hold the drive, says yes, and presses the bar until it moves. */
  setOff(): Promise<void>
  /** The key repeats until something is so. */
  hold(until: () => boolean): Promise<void>
  asked(command: string): Record<string, unknown>[]
}

async function bench(t: Test): Promise<Bench> {
  const made = await rig(t)
  const { seat, device } = made
  await seat.login('li')
  const hold = async (holds: () => boolean): Promise<void> => {
    for (let presses = 0; !holds(); presses++) {
      if (presses > 200) throw new Error('it did not become so')
      seat.type(' ')
      await sleep(systemClock, 100)
    }
  }
  const setOff = async (): Promise<void> => {
    device.outOfService()
    device.done.length = 0
    seat.type('service drive direction=forward speed=0.2\r')
    await seat.until(/drive will move[^]*go on: $/)
    seat.type('yes\r')
    await seat.until(/Hold the space bar: jog\. Let go: halt\. Any other key ends/)
    await hold(() => device.done.length > 0)
    t.equal(device.done[0], 'jog forward 0.2')
  }
  const asked = (command: string): Record<string, unknown>[] => device.facts
    .filter(({ kind, body }) => kind === 'access.command' && (body as { command: string }).command === command).map(({ body }) => body as Record<string, unknown>)
  return { ...made, setOff, hold, asked }
}

const halted = ({ device }: Rig) => (): boolean => device.done.at(-1) === 'halt' && device.model.get('drive').reading('speed')?.value === 0

void t.test('a vehicle that the console has never heard of drives while the key is held', async (t) => {
  const made = await bench(t)
  const { seat, hold, asked, setOff } = made
  await setOff()
  await hold(() => asked('jog').length >= 3)
  t.match(asked('jog').at(-1), { person: 'li', args: { direction: 'forward', speed: 0.2, for_ms: 1_000 } }, 'each renewal is on the record')
  await until(halted(made))
  await seat.until(/drive: jog\r\n[^]*drive: halt\r\n[^]*drive speed +0 m\/s/)
  t.pass('it halts when the key does not repeat')
  const before = asked('jog').length
  seat.type('q')
  await seat.until(/bl1-e07> $/)
  seat.type(' \x15')
  t.match(await seat.ask('who'), 'li')
  t.equal(asked('jog').length, before, 'any other key ended it')
})

void t.test('it halts when the line is pulled', async (t) => {
  const made = await bench(t)
  await made.setOff()
  made.seat.unplug()
  await until(halted(made))
  t.pass('at once')
})

void t.test('it halts when the session ends, which may command nothing any more', async (t) => {
  const made = await bench(t)
  await made.setOff()
  await made.device.access.component.invoke('remove', { person: 'li' }, { id: 'boss', role: 'engineer' })
  await until(halted(made))
  t.equal(made.asked('halt').length, 0, 'to halt is the device\'s own safety')
})

void t.test('it halts when the device goes into service', async (t) => {
  const made = await bench(t)
  await made.setOff()
  made.device.gate.publish('inService', true)
  made.seat.type(' ')
  await made.seat.until(/PC-DEVICE-SERVICE/)
  await until(halted(made))
  t.pass('with the next word of the key')
})

void t.test('what is refused before anything moves', async (t) => {
  const { seat, device } = await bench(t)
  const refused: [string, string][] = [
    ['service drive direction=forward speed=0.31', 'PC-DEVICE-ARGS'], ['service drive speed=0.2', 'PC-DEVICE-ARGS'],
    ['service drive direction=forward speed=0.2 for_ms=60000', 'PC-CONSOLE-SYNTAX'], ['service gizmo', 'PC-CONSOLE-SYNTAX'],
    ['service drive direction=forward speed=0.2', 'PC-DEVICE-SERVICE'],
    ['service drive direction=forward speed=0.2 --json --yes', 'PC-CONSOLE-SYNTAX'],
    ['call drive jog direction=forward speed=0.2 for_ms=100 --json --yes', 'PC-DEVICE-SERVICE'],
    ['call flap open for_ms=100 --json --yes', 'PC-DEVICE-SERVICE'], ['call flap free on=true --json --yes', 'PC-DEVICE-SERVICE'],
    ['call flap close --json --yes', '"ok":true'],
  ]
  for (const [line, code] of refused) t.match(await seat.ask(line), code, line)
  t.match(device.facts.findLast(({ kind }) => kind === 'access.refusal')?.body, { code: 'PC-DEVICE-SERVICE', component: 'flap', command: 'free' })
  device.outOfService()
  t.match(await seat.ask('call flap open for_ms=100 --json --yes'), '"ok":true', 'out of service it is for engineers')
  t.notMatch(device.done, ['jog'])
})

void t.test('only what is held is offered, and how', async (t) => {
  const { seat } = await bench(t)
  // A question mark within a word is one: only alone it asks.
  seat.type('service ')
  await seat.until(/service $/)
  seat.type('?')
  const offered = await seat.until(/Example[^]*> service $/)
  t.match(offered, /flap +Opens for one passage\.[^]*drive +Drives slowly\./)
  t.notMatch(offered, /gizmo|lamp|gate +/)
  seat.type('dr\t')
  await seat.until(/drive $/)
  seat.type('direction=b\t')
  await seat.until(/direction=backward $/)
  seat.type('s\t')
  await seat.until(/speed=$/)
  seat.type('0.1 ')
  await seat.until(/0\.1 $/)
  seat.type('?')
  t.notMatch(await seat.until(/Example[^]*0\.1 $/), 'for_ms', 'how long is as long as it is held')
  seat.type('\x15')
})
