/**
 * Where the channels of a Hesai PandarXT-16 look: the design values of its user manual (appendix
 * "Channel distribution"), or the sensor's own angle correction file.
 */
import { ConfigError } from '../../../edge/base/error.ts'

export interface Channel {
  /** Radians, up is positive. */
  elevation: number
  /** Radians clockwise from the block's azimuth. */
  azimuth: number
}

export const channelCount = 16
/** A correction file has a line a channel. */
export const correctionBytesMax = 16_384

const degree = Math.PI / 180
/** Farther off its column no channel looks. */
const azimuthMax = 10
const elevationMax = 90

/** From +15 degrees (channel 1, top) in steps of 2 degrees down to -15 degrees. */
export const designChannels: readonly Channel[] = Array.from({ length: channelCount }, (_, channel) => ({ elevation: (15 - 2 * channel) * degree, azimuth: 0 }))

const refused = (why: string): ConfigError => new ConfigError('PC-LIDAR-CALIBRATION', `The file is no angle correction of a PandarXT-16: ${why}.`)

function numbersOf(line: string): readonly number[] | undefined {
  const cells = line.split(',').map((cell) => cell.trim())
  const numbers = cells.map(Number)
  return cells.length === 3 && cells.every((cell) => cell !== '') && numbers.every(Number.isFinite) ? numbers : undefined
}

/**
 * The channels in their order in the packets, from a CSV file `Channel,Elevation,Azimuth` in degrees, channels counted from 1.
 * @throws ConfigError (PC-LIDAR-CALIBRATION) when it is not the correction of such a sensor.
 */
export function readCorrection(text: string): readonly Channel[] {
  if (text.length > correctionBytesMax) throw refused('it is too long')
  const [head = '', ...lines] = text.replace(/^\uFEFF/, '').split(/\r?\n/).filter((line) => line.trim() !== '')
  if (!/^(laser id|channel),elevation,azimuth$/i.test(head.replaceAll(/\s*,\s*/g, ',').trim())) throw refused('its first line is not Channel,Elevation,Azimuth')
  const channels = new Map<number, Channel>()
  for (const line of lines) {
    const [channel = 0, elevation = 0, azimuth = 0] = numbersOf(line) ?? []
    if (!Number.isInteger(channel) || channel < 1 || channel > channelCount || channels.has(channel)) throw refused(`a line is not of a channel of its own from 1 to ${channelCount}`)
    if (Math.abs(elevation) > elevationMax || Math.abs(azimuth) > azimuthMax) throw refused(`channel ${channel} looks where none can`)
    channels.set(channel, { elevation: elevation * degree, azimuth: azimuth * degree })
  }
  if (channels.size !== channelCount) throw refused(`it is of ${channels.size} channels`)
  if (new Set([...channels.values()].map(({ elevation }) => elevation)).size !== channelCount) throw refused('two channels have the same elevation')
  return Array.from({ length: channelCount }, (_, at) => channels.get(at + 1)).filter((channel) => channel !== undefined)
}
