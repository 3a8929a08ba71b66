/** `use: lidar/ouster` */
import { ConfigError } from '../../../edge/base/error.ts'
import { Type } from '../../../edge/base/schema.ts'
import { Lidar } from '../../../edge/device/capabilities.ts'
import { defineDriver, optionsOf } from '../../kit/driver.ts'
import { calibrationIn } from '../calibration-file.ts'
import { udpLidar, udpLidarOptions } from '../stream/udp-device.ts'
import { AskingLidar } from './asking-lidar.ts'
import { OusterDecoder } from './decoder.ts'
import { metadataBytesMax, readMetadata } from './metadata.ts'

/** The port of lidar packets (Software User Manual, `udp_port_lidar`). */
const port = 7_502

export const driver = defineDriver({
  name: 'lidar/ouster',
  says: 'Ouster OS0, OS1 and OS2: 16 to 128 beams all around, in all data profiles.',
  contract: Lidar,
  options: optionsOf({
    ...udpLidarOptions(port),
    metadata: Type.Optional(Type.String({ minLength: 1, description: 'The sensor\'s metadata (JSON, as it gives it under /api/v1/sensor/metadata).' })),
    http: Type.Optional(Type.String({ pattern: '^http://[^/]+$', description: 'Instead of the file: http://address of the sensor, which is asked for its metadata when this part starts, and again when its packets are not of that.' })),
    http_ms: Type.Integer({ minimum: 50, maximum: 60_000, default: 3_000, description: 'How long the sensor may take to give its metadata.' }),
  }),
  create({ metadata, http, http_ms, ...rest }, context) {
    if (metadata !== undefined && http === undefined) {
      return udpLidar(context, rest, new OusterDecoder(calibrationIn(metadata, metadataBytesMax, readMetadata)))
    }
    if (http !== undefined && metadata === undefined) return new AskingLidar(context, { http, http_ms, ...rest })
    throw new ConfigError('PC-LIDAR-METADATA', `${context.name} needs one of metadata (a file) and http (the sensor's address).`)
  },
})
