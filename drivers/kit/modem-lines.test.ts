import t from 'tap'
import { ManualClock } from '../../edge/base/clock.ts'
import { watchPeer } from './modem-lines.ts'

void t.test('whoever was there and drops the line is gone; who never raised it is not', async (t) => {
  const clock = new ManualClock()
  const lines = { dsr: false, dcd: false }
  let gone = 0
  watchPeer({ get: (callback) => callback(null, lines) }, clock, () => gone++)
  clock.advance(60_000)
  t.equal(gone, 0, 'a cable of three wires')
  lines.dsr = true
  lines.dcd = true
  clock.advance(1_000)
  lines.dcd = false
  clock.advance(1_000)
  t.equal(gone, 0, 'one of them is enough')
  lines.dsr = false
  clock.advance(1_000)
  t.equal(gone, 1)
  t.equal(clock.pending, 0, 'once')
})

void t.test('a port without such lines, or that is closed, is not watched', async (t) => {
  const clock = new ManualClock()
  let gone = 0
  watchPeer({ get: (callback) => callback(new Error('ENOTTY')) }, clock, () => gone++)
  t.equal(clock.pending, 0)
  const lines = { dsr: true, dcd: true }
  let answer = (): void => undefined
  const stop = watchPeer({ get: (callback) => (answer = () => callback(null, lines)) }, clock, () => gone++)
  answer()
  clock.advance(250)
  stop()
  lines.dsr = false
  lines.dcd = false
  answer()
  t.equal(gone + clock.pending, 0)
})
