/** A camera on V4L2 or RTSP, or a recording, through an ffmpeg (>= 5.1) child process that writes JPEG pictures. */
import { Type } from '../../../edge/base/schema.ts'
import { Camera } from '../../../edge/device/capabilities.ts'
import { defineDriver, optionsOf, secretReference } from '../../kit/driver.ts'
import { cameraOptions } from '../source.ts'
import { cameraDevice } from '../supervision.ts'
import { ffmpegSource } from './ffmpeg-source.ts'

const Input = Type.Object({
  v4l2: Type.Optional(Type.String({ pattern: '^/dev/.+$', description: 'A video device, such as /dev/video0.' })),
  rtsp: Type.Optional(Type.String({ pattern: '^rtsp://[^/@?#\\s\']+(/[^\\s\']*)?$', description: 'Address of an RTSP camera, without user and password.' })),
  file: Type.Optional(Type.String({ pattern: '^/.+$', description: 'A recording that is played again and again at its own pace.' })),
}, { additionalProperties: false, minProperties: 1, maxProperties: 1, description: 'Where the pictures come from.' })

export const driver = defineDriver({
  name: 'camera/ffmpeg',
  says: 'A USB or built-in camera (V4L2), an RTSP camera, or a recording, through ffmpeg.',
  contract: Camera,
  options: optionsOf({
    input: Input,
    credential: Type.Optional(secretReference()),
    transport: Type.Enum(['tcp', 'udp'], { default: 'tcp', description: 'RTSP: how the pictures travel.' }),
    format: Type.Enum(['mjpeg', 'raw'], { default: 'mjpeg', description: 'V4L2: MJPEG is passed on as the camera made it; raw is encoded here, which costs time.' }),
    size: Type.Optional(Type.String({ pattern: '^[0-9]{2,4}x[0-9]{2,4}$', description: 'V4L2: pixels across and down that the camera is asked for, such as 640x480.' })),
    rate: Type.Optional(Type.Integer({ minimum: 1, maximum: 120, description: 'V4L2: pictures a second that the camera is asked for.' })),
    program: Type.String({ minLength: 1, default: 'ffmpeg', description: 'The ffmpeg program, by name or path.' }),
    ...cameraOptions(8_000),
  }),
  create: (options, context) => cameraDevice(context, options, ffmpegSource(options, context)),
})
