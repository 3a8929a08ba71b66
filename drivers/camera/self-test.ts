/** What a camera's self-test measures of a picture taken now. It tells figures only: the picture is neither kept nor logged. */
import type { Clock, Instant } from '../../edge/base/clock.ts'
import { within } from '../../edge/base/wait.ts'
import type { Camera, Frame } from '../../edge/device/capabilities.ts'
import type { Component } from '../../edge/device/component.ts'
import type { SelfTestReport } from '../../edge/device/contract.ts'
import { brightness, luma, sharpness } from '../../edge/perception/sharpness.ts'
import { type PictureSize, pictureSize } from './jpeg.ts'
import type { CameraLimits } from './source.ts'

type Check = SelfTestReport['checks'][number]

/** Pictures that the rate is counted over. */
const sample = 10
/** Pixels of the middle that are measured, each way: enough to judge by, and little work. */
const middle = 640

interface Observed {
  jpeg: Uint8Array
  /** Since the picture arrived. */
  age_ms: number
  /** Pictures a second. */
  rate: number
}

export async function selfTest(
  component: Component<typeof Camera.members>, clock: Clock, limits: CameraLimits, signal: AbortSignal,
): Promise<SelfTestReport> {
  const { jpeg, age_ms, rate } = await observe(component, clock, limits, signal)
  const checks: Check[] = [
    { name: 'rate', passed: true, value: rate, unit: '1/s', says: 'Pictures arrive.' },
    age_ms <= limits.silence_ms
      ? { name: 'age', passed: true, value: age_ms, unit: 'ms', says: 'The picture is fresh.' }
      : { name: 'age', passed: false, value: age_ms, unit: 'ms', says: 'The picture is old: is the device too busy?' },
    ...await measure(jpeg).then((figures) => judged(figures, limits), () => [{ name: 'decode', passed: false, says: 'The picture cannot be decoded.' }]),
  ]
  return { passed: checks.every((check) => check.passed), checks }
}

function judged(figures: Figures, { brightness_min, brightness_max, sharpness_min }: CameraLimits): Check[] {
  const { width, height } = figures
  const [dark, blank] = [figures.brightness < brightness_min, figures.brightness > brightness_max]
  const sharp = figures.sharpness >= sharpness_min
  return [
    { name: 'width', passed: true, value: width, unit: '{pixel}', says: 'The picture can be decoded.' },
    { name: 'height', passed: true, value: height, unit: '{pixel}', says: 'The picture can be decoded.' },
    {
      name: 'brightness', passed: !dark && !blank, value: figures.brightness, unit: '1',
      says: dark ? 'The picture is black: is the lens covered, or the light off?' : blank ? 'The picture is white: does a light blind it?' : 'The picture is neither black nor white; 0 to 255.',
    },
    { name: 'sharpness', passed: sharp, value: figures.sharpness, unit: '1', says: sharp ? 'The picture shows detail.' : 'The picture shows no detail: is the lens covered or misted?' },
  ]
}

/** Takes a few pictures: the last of them and their rate. @throws TimeoutError (PC-CAMERA-SILENT) when they do not come. */
function observe(component: Component<typeof Camera.members>, clock: Clock, limits: CameraLimits, signal: AbortSignal): Promise<Observed> {
  let stopListening = (): void => undefined
  return within(
    {
      clock, limit_ms: limits.first_frame_ms + sample * limits.silence_ms, signal, component: component.name,
      code: 'PC-CAMERA-SILENT', message: `${component.name} sends no pictures.`,
    },
    () => new Promise<Observed>((resolve) => {
      let first: Frame | undefined
      stopListening = component.onStream('frames', (frame) => {
        first ??= frame
        const count = frame.sequence - first.sequence
        if (count < sample) return
        resolve({ jpeg: frame.jpeg, age_ms: rounded(clock.now() - frame.taken), rate: rounded((count * 1_000) / since(first, frame)) })
      })
    }),
  ).finally(() => stopListening())
}

const since = (first: { taken: Instant }, last: { taken: Instant }): number => Math.max(1, last.taken - first.taken)

const rounded = (value: number): number => Math.round(value * 10) / 10

export interface Figures extends PictureSize {
  /** Mean of the grey values of its middle, 0-255. */
  brightness: number
  /** Variance of the Laplacian of its middle. */
  sharpness: number
}

/** @throws when the picture cannot be decoded. */
export async function measure(jpeg: Uint8Array): Promise<Figures> {
  const { default: sharp } = await import('sharp')
  const { width, height } = pictureSize(jpeg) ?? { width: 0, height: 0 }
  const [across, down] = [Math.min(width, middle), Math.min(height, middle)]
  const data = await sharp(jpeg, { failOn: 'error', limitInputPixels: 33_554_432 })
    .extract({ left: Math.floor((width - across) / 2), top: Math.floor((height - down) / 2), width: across, height: down })
    .toColourspace('srgb').removeAlpha().raw()
    .toBuffer()
  const grey = luma(data, 3)
  return { width, height, brightness: rounded(brightness(grey)), sharpness: rounded(sharpness(grey, across, down)) }
}
