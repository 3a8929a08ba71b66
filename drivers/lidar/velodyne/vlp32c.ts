/** `use: lidar/velodyne-vlp32c` */
import { velodyneDriver } from './driver.ts'
import { vlp32c } from './model.ts'

export const driver = velodyneDriver('lidar/velodyne-vlp32c', vlp32c)
