/** The one list of drivers, loaded lazily by the name that a profile's `use` gives. */
import { ConfigError } from '../edge/base/error.ts'
import type { Driver } from './kit/driver.ts'

const drivers = {
  'barrier/io': () => import('./barrier/io/driver.ts'),
  'barrier/lot-turnstile': () => import('./barrier/lot-turnstile/driver.ts'),
  'barrier/opcua': () => import('./barrier/opcua/driver.ts'),
  'camera/ffmpeg': () => import('./camera/ffmpeg/driver.ts'),
  'camera/mjpeg': () => import('./camera/mjpeg/driver.ts'),
  'fingerprint/r30x': () => import('./fingerprint/r30x/driver.ts'),
  'indicator/io': () => import('./indicator/io/driver.ts'),
  'io/firmata': () => import('./io/firmata/driver.ts'),
  'io/gpio': () => import('./io/gpio/driver.ts'),
  'lidar/hesai-xt16': () => import('./lidar/hesai/driver.ts'),
  'lidar/ouster': () => import('./lidar/ouster/driver.ts'),
  'lidar/rplidar': () => import('./lidar/rplidar/driver.ts'),
  'lidar/velodyne-vlp16': () => import('./lidar/velodyne/vlp16.ts'),
  'lidar/velodyne-vlp32c': () => import('./lidar/velodyne/vlp32c.ts'),
  'lidar/sick-tim': () => import('./lidar/sick-tim/driver.ts'),
  'presence/io': () => import('./presence/io/driver.ts'),
  'presence/turnstile': () => import('./presence/turnstile/driver.ts'),
  'reader/mrz-serial': () => import('./reader/mrz-serial/driver.ts'),
  'reader/qr-camera': () => import('./reader/qr-camera/driver.ts'),
  'reader/qr-serial': () => import('./reader/qr-serial/driver.ts'),
  'safety/io': () => import('./safety/io/driver.ts'),
} as const satisfies Record<string, () => Promise<{ driver: unknown }>>

export const driverNames: readonly string[] = Object.keys(drivers)

/** @throws ConfigError (PC-PROFILE-DRIVER) when there is no driver of that name. */
export async function loadDriver(name: string): Promise<Driver> {
  const load = Object.hasOwn(drivers, name) ? drivers[name as keyof typeof drivers] : undefined
  if (load === undefined) throw new ConfigError('PC-PROFILE-DRIVER', `There is no driver named ${name}.`)
  return (await load()).driver
}
