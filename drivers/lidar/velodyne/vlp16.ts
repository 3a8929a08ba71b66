/** `use: lidar/velodyne-vlp16` */
import { velodyneDriver } from './driver.ts'
import { vlp16 } from './model.ts'

export const driver = velodyneDriver('lidar/velodyne-vlp16', vlp16)
