/** An IP camera that sends MJPEG over HTTP: a `multipart/x-mixed-replace` body of JPEG pictures. */
import { Type } from '../../../edge/base/schema.ts'
import { Camera } from '../../../edge/device/capabilities.ts'
import { defineDriver, optionsOf, secretReference } from '../../kit/driver.ts'
import { cameraOptions } from '../source.ts'
import { cameraDevice } from '../supervision.ts'
import { httpSource } from './http-source.ts'

export const driver = defineDriver({
  name: 'camera/mjpeg',
  says: 'An IP camera that sends MJPEG over HTTP or HTTPS.',
  contract: Camera,
  options: optionsOf({
    url: Type.String({ pattern: '^https?://[^/@?#]+([/?#].*)?$', description: 'Address of the MJPEG stream, without user and password.' }),
    credential: Type.Optional(secretReference()),
    ca: Type.Optional(Type.String({ pattern: '^(credential|file|env):.+$', 'x-secret': true, description: 'Certificates (PEM) to trust instead of the system\'s: the authority\'s, or the camera\'s own.' })),
    open_ms: Type.Integer({ minimum: 100, maximum: 60_000, default: 3_000, description: 'How long the camera may take to answer the request.' }),
    ...cameraOptions(2_000),
  }),
  create: (options, context) => cameraDevice(context, options, httpSource(options, context)),
})
