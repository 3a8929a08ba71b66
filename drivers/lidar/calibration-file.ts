/** A sensor's own calibration, in a file that the profile names. */
import { readFileSync, statSync } from 'node:fs'
import { ConfigError } from '../../edge/base/error.ts'
import { Type } from '../../edge/base/schema.ts'

export const calibrationOption = (description: string) => Type.Optional(Type.String({ minLength: 1, description }))

/** What `read` makes of the file's text. @throws ConfigError (PC-LIDAR-CALIBRATION) when it is not there or too long, and what `read` throws. */
export function calibrationIn<T>(file: string, bytesMax: number, read: (text: string) => T): T {
  let text: string
  try {
    if (statSync(file).size > bytesMax) throw new ConfigError('PC-LIDAR-CALIBRATION', `The calibration ${file} is longer than any calibration.`)
    text = readFileSync(file, 'utf8')
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause
    throw new ConfigError('PC-LIDAR-CALIBRATION', `The calibration ${file} cannot be read.`, { cause })
  }
  return read(text)
}
