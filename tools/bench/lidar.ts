/** The lidars: decoders, the obstacle path on one core, and the time from a packet to the decision to stop. */
import { existsSync, writeFileSync } from 'node:fs'
import { getPriority, setPriority } from 'node:os'
import type { Figure } from './figure.ts'
import { benchDecode } from './lidar-decode.ts'
import { benchPipeline } from './lidar-pipeline.ts'
import { benchStops } from './lidar-stops.ts'

/** As a vehicle's system would give it: whatever else runs on this machine waits. */
const priority = -15
/** What a whole session of processes gets, where the kernel shares by sessions first (sched(7), autogroup). */
const sessionFile = '/proc/self/autogroup'

/** @param stops how many times somebody stands in the way; a quarter as often again while the main thread is busy. */
export async function benchLidar(stops: number): Promise<Figure[]> {
  const before = getPriority()
  if (!isGiven(priority)) process.stderr.write('lidar: without the right to a higher priority the figures include what else this machine does\n')
  try {
    return [...await benchDecode(), ...await benchPipeline(), ...await benchStops(stops)]
  } finally {
    isGiven(before)
  }
}

function isGiven(priority: number): boolean {
  try {
    setPriority(priority)
    if (existsSync(sessionFile)) writeFileSync(sessionFile, String(priority))
    return true
  } catch {
    return false
  }
}
