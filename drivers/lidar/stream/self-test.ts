/** What a lidar's self-test looks at: a second of its stream, against what such a sensor should send. */
import type { Clock } from '../../../edge/base/clock.ts'
import { sleep } from '../../../edge/base/wait.ts'
import type { Lidar } from '../../../edge/device/capabilities.ts'
import type { Component } from '../../../edge/device/component.ts'
import type { SelfTestReport } from '../../../edge/device/contract.ts'
import type { WatchLimits } from './source-watch.ts'
import type { Tally, TallyName } from './tally.ts'

export interface SelfTestOptions {
  component: Component<typeof Lidar.members>
  clock: Clock
  tally: Tally
  limits: WatchLimits
  /** Beams a second when all is well. */
  nominal: number
  /** Of the socket, bytes; of lidars that have one. */
  receiveBuffer?: number | undefined
}

const sample_ms = 1_000
/** Slower is not such a sensor, or half of it is lost; faster than two returns a beam neither. */
const rateShare = { least: 0.5, most: 2.2 }
/** In a yard half of the beams look at the sky; with fewer returns than this the window is covered. */
const returnsShare_min = 0.02
const receiveBuffer_min = 1_048_576

export async function selfTest({ component, clock, tally, limits, nominal, receiveBuffer }: SelfTestOptions, signal: AbortSignal): Promise<SelfTestReport> {
  const before = tally.snapshot()
  const began = clock.now()
  await sleep(clock, sample_ms, signal)
  const elapsed_s = (clock.now() - began) / 1_000
  const counted = (name: TallyName): number => tally.get(name) - (before[name] ?? 0)
  const good = counted('points')
  const share = (name: TallyName): number => (good + counted(name) === 0 ? 0 : rounded(counted(name) / (good + counted(name))))
  const rate = Math.round(counted('beams') / elapsed_s)
  const returns = counted('beams') === 0 ? 0 : rounded(counted('returns') / counted('beams'))
  const { health } = component
  const checks: SelfTestReport['checks'] = [
    { name: 'stream', passed: component.usable, says: health.says ?? (component.usable ? 'What it sends may be believed.' : 'It is not in use.') },
    judged('packets', Math.round(good / elapsed_s), '1/s', good > 0, 'Points arrive.', 'No points arrive.'),
    judged('rate', rate, '1/s', rate >= nominal * rateShare.least && rate <= nominal * rateShare.most,
      'As many beams arrive as such a sensor has.', `Such a sensor has ${nominal} beams a second.`),
    judged('returns', returns, '1', returns >= returnsShare_min, 'Beams come back.', 'Hardly any beam comes back: is the window clean and uncovered?'),
    judged('damaged', share('damaged'), '1', share('damaged') <= limits.damaged_share_max, 'Packets arrive whole.', 'Packets arrive damaged: look at the cable and the switch.'),
    judged('lost', share('lost'), '1', share('lost') <= limits.lost_share_max, 'Packets arrive.', 'Packets are lost: look at the cable, the switch and the load of this machine.'),
    judged('foreign', share('foreign'), '1', share('foreign') <= limits.foreign_share_max, 'Hardly anything else arrives.', 'Something else sends to the same port.'),
  ]
  if (receiveBuffer !== undefined) checks.push(bufferCheck(receiveBuffer))
  return { passed: checks.every(({ passed }) => passed), checks }
}

/** A small buffer is no fault of the sensor, so it does not fail the test: it only says what would help. */
function bufferCheck(bytes: number): SelfTestReport['checks'][number] {
  const says = bytes >= receiveBuffer_min ? 'The socket can hold packets while this machine is busy.' : 'The socket can hold few packets while this machine is busy: raise net.core.rmem_max.'
  return { name: 'buffer', passed: true, value: bytes, unit: 'By', says }
}

function judged(name: string, value: number, unit: string, passed: boolean, good: string, bad: string): SelfTestReport['checks'][number] {
  return { name, passed, value, unit, says: passed ? good : bad }
}

const rounded = (share: number): number => Math.round(share * 1_000) / 1_000
