/** Edges by interrupt: onoff's epoll on a line's value. Only a kernel's own GPIO files give them. */
import { ConfigError } from '../../../edge/base/error.ts'
import { kernelRoot } from './sysfs.ts'

/** onoff's files are fixed to /sys/class/gpio. @throws ConfigError (PC-GPIO-EDGES) */
export async function loadEdges(root: string): Promise<(line: number, onEdge: () => void) => () => void> {
  if (root !== kernelRoot) throw new ConfigError('PC-GPIO-EDGES', `Interrupts come only from ${kernelRoot}; set edges to poll.`)
  const { Gpio } = await import('onoff').catch((cause: unknown) => {
    throw new ConfigError('PC-GPIO-EDGES', 'Interrupts need the package onoff, which needs a compiler at set-up; set edges to poll.', { cause })
  })
  return (line, onEdge) => {
    const gpio = new Gpio(line, 'in', 'both', { reconfigureDirection: false })
    gpio.watch(onEdge)
    return () => gpio.unexport()
  }
}
