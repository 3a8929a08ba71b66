/** What the computer says of itself, for a diagnosis: nothing of people, no hardware addresses. */
import { readFile, statfs } from 'node:fs/promises'
import { arch, cpus, freemem, loadavg, networkInterfaces, release, totalmem, uptime } from 'node:os'

export function versions(program: string): Record<string, unknown> {
  return { portcullis: program, system: release(), processor: arch(), ...process.versions }
}

/** @param folder on whose disk the device keeps its state */
export async function machineInfo(folder: string): Promise<Record<string, unknown>> {
  const disk = await statfs(folder)
  const blocks_mb = (blocks: number): number => Math.round((blocks * disk.bsize) / 1e6)
  return {
    uptime_s: Math.round(uptime()), program_uptime_s: Math.round(process.uptime()), load: loadavg(),
    processors: cpus().length, processor: cpus()[0]?.model ?? 'unknown',
    memory_mb: { total: Math.round(totalmem() / 1e6), free: Math.round(freemem() / 1e6), program: megabytes(process.memoryUsage()) },
    disk_mb: { total: blocks_mb(disk.blocks), free: blocks_mb(disk.bavail) }, disk_files: { total: disk.files, free: disk.ffree },
    network: interfaces(),
    kernel_taint: await oneLine('/proc/sys/kernel/tainted'), pressure: await oneLine('/proc/pressure/memory'),
  }
}

function interfaces(): Record<string, unknown> {
  return Object.fromEntries(Object.entries(networkInterfaces()).map(([name, addresses = []]) =>
    [name, addresses.map(({ address, family, internal }) => ({ address, family, internal }))]))
}

const megabytes = (bytes: NodeJS.MemoryUsage): Record<string, number> =>
  Object.fromEntries(Object.entries(bytes).map(([name, value]: [string, number]) => [name, Math.round(value / 1e5) / 10]))

async function oneLine(file: string): Promise<string> {
  return await readFile(file, 'utf8').then((text) => text.split('\n')[0] ?? '', () => 'unknown')
}
