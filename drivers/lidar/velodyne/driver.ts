/** A Velodyne as a part of the device; each model has its own name in the catalogue. */
import { Lidar } from '../../../edge/device/capabilities.ts'
import { defineDriver, optionsOf } from '../../kit/driver.ts'
import { calibrationIn, calibrationOption } from '../calibration-file.ts'
import { udpLidar, udpLidarOptions } from '../stream/udp-device.ts'
import { calibrationBytesMax, readCalibration } from './calibration.ts'
import { VelodyneDecoder } from './codec.ts'
import type { VelodyneModel } from './model.ts'

/** The port of data packets (User Manual, 9.3.2). */
const port = 2_368

export const velodyneDriver = (name: string, model: VelodyneModel) => defineDriver({
  name,
  says: `Velodyne ${model.name}: ${model.lasers} lasers all around, single or dual return.`,
  contract: Lidar,
  options: optionsOf({
    ...udpLidarOptions(port),
    calibration: calibrationOption('The sensor\'s own calibration (YAML); without it, the maker\'s table of the model.'),
  }),
  create({ calibration, ...options }, context) {
    const calibrated = calibration === undefined ? {} : { lasers: calibrationIn(calibration, calibrationBytesMax, (text) => readCalibration(text, model)) }
    return udpLidar(context, options, new VelodyneDecoder(model, calibrated))
  },
})
