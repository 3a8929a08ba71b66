/** The lidar view of a capture: recorded packets through the real decoder, safety path and tracker. */
import { basename } from 'node:path'
import { systemClock } from '../../edge/base/clock.ts'
import { CancelledError, type PortcullisError } from '../../edge/base/error.ts'
import { sleep } from '../../edge/base/wait.ts'
import type { PointBlock } from '../../edge/device/points.ts'
import { CloudRing } from '../../edge/perception/obstacles/cloud.ts'
import { SafetyMonitor } from '../../edge/perception/obstacles/monitor.ts'
import { cloudPointsMax } from '../../edge/perception/obstacles/service.ts'
import { Tracker } from '../../edge/perception/obstacles/tracker.ts'
import { viewSetup } from '../../edge/screen/lidar/scene.ts'
import { captureSetup, type CaptureMount } from './capture-setup.ts'
import { openCapture, type OpenOptions } from './recognise.ts'
import type { ShownScene } from './view-profile.ts'

export interface ViewCaptureOptions extends OpenOptions, CaptureMount {
  /** 1 as recorded; `max` as fast as it goes. */
  speed: number
  /** Hears once where the capture is damaged; what comes before is played again and again. */
  onFault(fault: PortcullisError): void
}

const source = 'sensor'
/** Between the end of a capture and its next beginning. */
const pause_ms = 700
/** More turns than any capture is shown with. */
const turnsApart = 1_000_000
/** The safety path judges a sensor by so many turns. A capture of fewer is judged by several rounds of it. */
const turnsJudged = 3

/**
 * A capture is played again and again: one of a single turn, too, is then seen.
 * @throws what `openCapture` throws
 */
export async function captureScene(file: string, options: ViewCaptureOptions): Promise<ShownScene> {
  const setup = captureSetup(source, options)
  const capture = await openCapture(file, options)
  const ring = new CloudRing(cloudPointsMax)
  const begin = (): SafetyMonitor => new SafetyMonitor(setup, { cloud: () => ring })
  let monitor = begin()
  const tracker = new Tracker(setup)
  const stopped = new AbortController()
  let playing: Promise<void> = Promise.resolve()
  const failed = Promise.withResolvers<never>()
  failed.promise.catch(() => undefined)
  let played = 0

  const play = async (): Promise<void> => {
    const began = systemClock.now()
    for (let round = 0; !stopped.signal.aborted; round++) {
      const offset_ms = systemClock.now() - began
      let turns = 0
      await capture.blocks((block, share) => {
        played = share
        turns = block.turn
        block.received += offset_ms
        block.turn += round * turnsApart
        show(block)
      }, { speed: options.speed, signal: stopped.signal, onFault: round === 0 ? options.onFault : () => undefined })
      await sleep(systemClock, pause_ms, stopped.signal)
      // Recordings begin and end in the middle of a turn: stitched together, a part of it would look blind.
      if (turns >= turnsJudged) monitor = begin()
    }
  }
  const show = (block: PointBlock): void => {
    // Nobody drives: the one field counts all the time.
    monitor.onMotion(standing, block.received)
    const { finished } = ring
    monitor.onBlock(source, block)
    if (ring.finished !== finished) ring.newest((cloud) => tracker.onCloud(source, cloud, block.received))
  }
  return {
    setup: viewSetup(basename(file), setup),
    clouds: [ring],
    state: () => ({
      kind: 'state', decision: monitor.decision(), fields: monitor.fieldsInUse, sources: { [source]: monitor.sourceState(source) },
      objects: tracker.objects(), played,
    }),
    start: async () => {
      playing = play().catch((error: unknown) => {
        if (!(error instanceof CancelledError)) failed.reject(error)
      })
    },
    stop: async () => {
      stopped.abort()
      await playing
    },
    failed: failed.promise,
  }
}

const standing = { speed_mps: 0, steering_deg: 0, load: 'empty' } as const
