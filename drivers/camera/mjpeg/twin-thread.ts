/** The twin in a thread of its own: plays its test card at 60 pictures a second and says where. */
import { parentPort } from 'node:worker_threads'
import { MjpegTwin } from './twin.ts'

const twin = new MjpegTwin()
twin.world.rate = 60
const { url } = await twin.start()
parentPort?.postMessage(url)
