/** Several serial ports at once, each at its own speed and with somebody of its own. */
import t from 'tap'
import { systemClock } from '../base/clock.ts'
import { sleep } from '../base/wait.ts'
import type { WireListener } from './io.ts'
import { rig, Seat } from './rig.ts'

t.setTimeout(180_000)

void t.test('two people at two ports: neither sees, waits for or ends the other', async (t) => {
  const seats = { '/dev/ttySLOW': new Seat(), '/dev/ttyFAST': new Seat() }
  const { '/dev/ttySLOW': slow, '/dev/ttyFAST': fast } = seats
  const opened: [string, number][] = []
  const { console, device } = await rig(t, {
    section: { ports: [{ port: '/dev/ttySLOW', baud: 9_600 }, { port: '/dev/ttyFAST', baud: 921_600 }] },
    openSerial: (path, baud) => ({
      open: (listener: WireListener) => {
        opened.push([path, baud])
        return seats[path as keyof typeof seats].open(listener)
      },
    }),
  })
  await slow.login('vien')
  await fast.login('nguyen')
  t.strictSame(opened.slice(0, 2), [['/dev/ttySLOW', 9_600], ['/dev/ttyFAST', 921_600]])
  t.strictSame(console.component.read('lines'), { '/dev/ttySLOW': 'open', '/dev/ttyFAST': 'open' })
  slow.type('show components | exclude zzz\r')
  t.match(await fast.ask('who'), /vien +viewer +serial +\/dev\/ttySLOW[^]*nguyen +technician +serial +\/dev\/ttyFAST/)
  t.match(await fast.ask('call gizmo paint colour=red'), 'red x 1')
  t.notMatch(await slow.until(/component +what[^]*\r\nbl1-e07> $/), 'red x 1', 'nobody sees what the other asks')
  fast.unplug()
  for (let waited_ms = 0; console.component.read('lines')?.['/dev/ttyFAST'] === 'open' && waited_ms < 20_000; waited_ms += 5) await sleep(systemClock, 5)
  t.match(console.component.health, { status: 'degraded', code: 'PC-CONSOLE-LOST' })
  t.match(await slow.ask('who'), /^person[^]*vien +viewer/, 'whose line is pulled goes alone')
  const ended = device.facts.filter(({ kind }) => kind === 'access.ended').map(({ body }) => (body as { person: string; why: string }))
  t.match(ended, [{ person: 'nguyen', why: 'lost' }])
  t.equal(ended.length, 1)
})
