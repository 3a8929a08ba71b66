/** What a camera's self-test measures: rate, size and sharpness of a picture taken now. */
import type { Clock } from '../../edge/base/clock.ts'
import type { Camera, Frame } from '../../edge/device/capabilities.ts'
import type { Component } from '../../edge/device/component.ts'
import type { SelfTestReport } from '../../edge/device/contract.ts'
import { within } from '../../edge/base/wait.ts'
import type { CameraLimits } from './source.ts'

type Check = SelfTestReport['checks'][number]

const sample = 10

export async function selfTest(
  component: Component<typeof Camera.members>, clock: Clock, limits: CameraLimits, signal: AbortSignal,
): Promise<SelfTestReport> {
  const { jpeg, rate } = await observe(component, clock, limits, signal)
  const checks: Check[] = [{ name: 'rate', passed: true, value: rate, unit: '1/s', says: 'Pictures arrive.' }]
  try {
    const { width, height, sharpness } = await measure(jpeg)
    const sharp = sharpness >= limits.sharpness_min
    checks.push(
      { name: 'width', passed: true, value: width, unit: '{pixel}', says: 'The picture can be decoded.' },
      { name: 'height', passed: true, value: height, unit: '{pixel}', says: 'The picture can be decoded.' },
      { name: 'sharpness', passed: sharp, value: sharpness, unit: '1', says: sharp ? 'The picture shows detail.' : 'The picture shows no detail: is the lens covered or misted?' },
    )
  } catch {
    checks.push({ name: 'decode', passed: false, says: 'The picture cannot be decoded.' })
  }
  return { passed: checks.every((check) => check.passed), checks }
}

/** Takes a few pictures: the last of them and their rate. @throws TimeoutError (PC-CAMERA-SILENT) when they do not come. */
function observe(
  component: Component<typeof Camera.members>, clock: Clock, limits: CameraLimits, signal: AbortSignal,
): Promise<{ jpeg: Uint8Array; rate: number }> {
  let stopListening = (): void => undefined
  return within(
    {
      clock, limit_ms: limits.first_frame_ms + sample * limits.silence_ms, signal, component: component.name,
      code: 'PC-CAMERA-SILENT', message: `${component.name} sends no pictures.`,
    },
    () => new Promise<{ jpeg: Uint8Array; rate: number }>((resolve) => {
      let first: Frame | undefined
      stopListening = component.onStream('frames', (frame) => {
        first ??= frame
        const count = frame.sequence - first.sequence
        if (count < sample) return
        resolve({ jpeg: frame.jpeg, rate: Math.round((count * 10_000) / (frame.taken - first.taken)) / 10 })
      })
    }),
  ).finally(() => stopListening())
}

/**
 * Size in pixels and the variance of the Laplacian (Pech-Pacheco et al., ICPR 2000): a few units
 * for a covered lens or fog, hundreds for a picture in focus.
 * @throws when the picture cannot be decoded.
 */
export async function measure(jpeg: Uint8Array): Promise<{ width: number; height: number; sharpness: number }> {
  const { default: sharp } = await import('sharp')
  const { data, info } = await sharp(jpeg, { failOn: 'error', limitInputPixels: 33_554_432 })
    .greyscale()
    .convolve({ width: 3, height: 3, kernel: [0, 1, 0, 1, -4, 1, 0, 1, 0], scale: 1, offset: 128 })
    .raw()
    .toBuffer({ resolveWithObject: true })
  const { channels } = await sharp(data, { raw: info }).stats()
  return { width: info.width, height: info.height, sharpness: Math.round((channels[0]?.stdev ?? 0) ** 2 * 10) / 10 }
}
