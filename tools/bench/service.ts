/**
 * How long it takes to test a whole e-Gate and to pack its diagnosis: the program as it ships, on its
 * twins, asked by the centre with signed commands.
 */
import { join } from 'node:path'
import { systemClock } from '../../edge/base/clock.ts'
import { root } from '../house/sources.ts'
import { EgateSite } from '../site/egate-site.ts'
import type { Figure } from './figure.ts'

const program = join(root, 'build', 'portcullis', 'start.js')
/** A little longer than the commands' own limits. */
const testLimit_ms = 65_000
const bundleLimit_ms = 35_000

/** @returns `selftest` and `diag`, seconds from the order to its answer. */
export async function benchService(): Promise<Figure[]> {
  const site = await EgateSite.make({ folder: join(root, 'build', 'bench'), travellers: 4, program })
  try {
    await site.start()
    // First the bundle: later it would take over the report of the test instead of making its own.
    const diag = await seconds(() => site.centre.ask({ component: 'diagnosis', command: 'bundle' }, {}, 'technician', bundleLimit_ms))
    const selftest = await seconds(() => site.centre.ask({ component: 'diagnosis', command: 'testAll' }, {}, 'technician', testLimit_ms))
    return [{ name: 'selftest', value: selftest, unit: 's' }, { name: 'diag', value: diag, unit: 's' }]
  } finally {
    await site.stop()
  }
}

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const began = systemClock.now()
  await work()
  return (systemClock.now() - began) / 1_000
}
