/** `use: lidar/hesai-xt16` */
import { Lidar } from '../../../edge/device/capabilities.ts'
import { Type } from '../../../edge/base/schema.ts'
import { defineDriver, optionsOf } from '../../kit/driver.ts'
import { calibrationIn, calibrationOption } from '../calibration-file.ts'
import { udpLidar, udpLidarOptions } from '../stream/udp-device.ts'
import { PandarXt16Decoder } from './codec.ts'
import { correctionBytesMax, readCorrection } from './correction.ts'

/** The port of point cloud packets (User Manual, 4.2). */
const port = 2_368

export const driver = defineDriver({
  name: 'lidar/hesai-xt16',
  says: 'Hesai PandarXT-16: 16 channels all around, single or dual return.',
  contract: Lidar,
  options: optionsOf({
    ...udpLidarOptions(port),
    calibration: calibrationOption('The sensor\'s own angle correction (CSV); without it, the design values.'),
    azimuth: Type.Enum(['firing', 'block'], { default: 'firing', description: 'Where the beams of a block point: each where its channel fired, or all at the block\'s azimuth.' }),
  }),
  create({ calibration, azimuth, ...options }, context) {
    const channels = calibration === undefined ? {} : { channels: calibrationIn(calibration, correctionBytesMax, readCorrection) }
    return udpLidar(context, options, new PandarXt16Decoder({ ...channels, azimuth }))
  },
})
