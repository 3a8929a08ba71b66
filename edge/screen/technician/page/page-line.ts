/** The one line of this page to its device. */
import type { Ending } from '../../../access/contract.ts'
import { renew } from '../../page/renewal.ts'
import { systemClock } from '../../../base/clock.ts'
import { device } from './device.ts'
import { Line } from './line.ts'

const build = document.documentElement.dataset['build']

interface Listener {
  ended(why: Ending): void
  lost(): void
}

let listener: Listener | undefined

export const listenTo = (who: Listener): void => {
  listener = who
}

export const line = new Line({
  onTold: (told) => {
    device.hear(told)
    if (told.kind === 'ended') listener?.ended(told.why)
    // The device serves another page by now.
    if (told.kind === 'device' && told.build !== build) renew(systemClock)
  },
  onLost: () => {
    device.lose()
    listener?.lost()
  },
})
