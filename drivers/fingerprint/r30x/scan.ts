/** What a traveller's finger is taken for: comparing, enrolling, a picture. */
import type { Clock, Instant } from '../../../edge/base/clock.ts'
import { CancelledError, ResourceError } from '../../../edge/base/error.ts'
import { sleep } from '../../../edge/base/wait.ts'
import { type Buffer, picture, unpackPicture } from './codec.ts'
import type { FingerModule } from './module.ts'

export interface Scan {
  module: FingerModule
  component: string
  clock: Clock
  signal: AbortSignal
  /** How long to wait for a finger in all. */
  limit_ms: number
  /** The pause between two looks at the platen. */
  poll_ms: number
  /** So many poor pictures are taken before giving up. */
  poor_tries: number
}

type Taken = 'taken' | 'no-finger' | 'poor-image'

/** 1:1 against `template`; the score is the module's own. */
export async function verify(scan: Scan, template: Uint8Array): Promise<{ outcome: 'match' | 'no-match' | Exclude<Taken, 'taken'>; score: number }> {
  await scan.module.downloadTemplate(2, template)
  const taken = await takeFeatures(scan, 1, deadlineOf(scan))
  if (taken !== 'taken') return { outcome: taken, score: 0 }
  const { same, score } = await scan.module.match()
  return { outcome: same ? 'match' : 'no-match', score }
}

/** The same finger twice, lifted in between. */
export async function enrol(scan: Scan): Promise<{ outcome: 'not-same' | Exclude<Taken, 'taken'> } | { outcome: 'enrolled'; template: Uint8Array }> {
  const deadline = deadlineOf(scan)
  const first = await takeFeatures(scan, 1, deadline)
  if (first !== 'taken') return { outcome: first }
  if (!await lifted(scan, deadline)) return { outcome: 'no-finger' }
  const second = await takeFeatures(scan, 2, deadline)
  if (second !== 'taken') return { outcome: second }
  if (!await scan.module.merge()) return { outcome: 'not-same' }
  return { outcome: 'enrolled', template: await scan.module.uploadTemplate(1) }
}

/** A picture in 8-bit grey; one that the module itself finds poor is handed out all the same, marked as such. */
export async function image(scan: Scan): Promise<{ outcome: Taken; width: number; height: number; grey: Uint8Array }> {
  const taken = await takeImage(scan, deadlineOf(scan))
  if (taken !== 'taken') return { outcome: taken, width: 0, height: 0, grey: new Uint8Array(0) }
  // Before extracting: some modules improve the picture in its place.
  const grey = unpackPicture(await scan.module.uploadPicture())
  const good = await scan.module.extract(1)
  return { outcome: good ? 'taken' : 'poor-image', width: picture.width, height: picture.height, grey }
}

function takeFeatures(scan: Scan, buffer: Buffer, deadline: Instant): Promise<Taken> {
  return tries(scan, deadline, async () => {
    const taken = await scan.module.getImage()
    if (taken === 'taken') return await scan.module.extract(buffer) ? 'taken' : 'poor-image'
    return taken === 'failed' ? 'poor-image' : 'no-finger'
  })
}

function takeImage(scan: Scan, deadline: Instant): Promise<Taken> {
  return tries(scan, deadline, async () => {
    const taken = await scan.module.getImage()
    return taken === 'failed' ? 'poor-image' : taken
  })
}

/** Looks again until a finger was taken, too many pictures were poor, or the time is over. */
async function tries(scan: Scan, deadline: Instant, look: () => Promise<Taken>): Promise<Taken> {
  for (let poor = 0; ;) {
    stopWhenCancelled(scan)
    const taken = await look()
    if (taken === 'taken') return taken
    if (taken === 'poor-image') poor++
    if (poor >= scan.poor_tries) return 'poor-image'
    if (scan.clock.now() >= deadline) return poor > 0 ? 'poor-image' : 'no-finger'
    await sleep(scan.clock, scan.poll_ms, scan.signal)
  }
}

async function lifted(scan: Scan, deadline: Instant): Promise<boolean> {
  for (;;) {
    stopWhenCancelled(scan)
    if (await scan.module.getImage() === 'no-finger') return true
    if (scan.clock.now() >= deadline) return false
    await sleep(scan.clock, scan.poll_ms, scan.signal)
  }
}

const deadlineOf = (scan: Scan): Instant => scan.clock.now() + scan.limit_ms

function stopWhenCancelled(scan: Scan): void {
  if (scan.signal.aborted) throw new CancelledError(scan.component)
}

/** One operation at a time: they share the module's buffers. */
export class Turns {
  readonly #component: string
  readonly #waitingMax: number
  #last: Promise<unknown> = Promise.resolve()
  #waiting = 0

  constructor(component: string, waitingMax: number) {
    this.#component = component
    this.#waitingMax = waitingMax
  }

  get idle(): boolean {
    return this.#waiting === 0
  }

  /** @throws ResourceError (PC-FINGER-BUSY) when too many wait. */
  take<T>(work: () => Promise<T>): Promise<T> {
    if (this.#waiting >= this.#waitingMax) {
      return Promise.reject(new ResourceError('PC-FINGER-BUSY', `Too many requests wait for the fingerprint module ${this.#component}.`, { component: this.#component }))
    }
    this.#waiting++
    const turn = this.#last.then(work).finally(() => this.#waiting--)
    this.#last = turn.catch(() => undefined)
    return turn
  }
}
