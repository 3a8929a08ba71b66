/**
 * Tells systemd that the device is ready and still alive (sd_notify(3)).
 *
 * Node has no AF_UNIX datagram sockets, so systemd's own small program sends the message; the unit
 * needs NotifyAccess=all. Without NOTIFY_SOCKET nothing is sent.
 */
import { spawn } from 'node:child_process'
import type { Cancel, Clock } from '../base/clock.ts'
import type { Logger } from '../base/log.ts'
import { every } from '../base/wait.ts'

/** systemd takes a message within milliseconds; a helper that hangs must not pile up. */
const sendLimit_ms = 5_000

export interface Notifier {
  ready(): void
  stopping(): void
  stop(): void
}

export interface NotifierOptions {
  clock: Clock
  log: Logger
  env: Readonly<Record<string, string | undefined>>
  /** Asked before each sign of life: a runtime that is not well lets the watchdog bite. */
  alive(): boolean
}

export function createNotifier({ clock, log, env, alive }: NotifierOptions): Notifier {
  if (env['NOTIFY_SOCKET'] === undefined) return { ready: () => undefined, stopping: () => undefined, stop: () => undefined }
  const send = (...state: string[]): void => {
    const child = spawn('systemd-notify', state, { stdio: 'ignore', env: { ...env }, timeout: sendLimit_ms, killSignal: 'SIGKILL' })
    child.on('error', (error) => log.error({ error, code: 'PC-RUN-NOTIFY' }, 'systemd-notify cannot be run'))
    child.unref()
  }
  const watchdog_ms = Number(env['WATCHDOG_USEC'] ?? 0) / 1000
  let stopBeating: Cancel = () => undefined
  const beat = (): void => {
    if (alive()) send('WATCHDOG=1')
    else log.error({ code: 'PC-RUN-NOT-ALIVE' }, 'no sign of life is sent: the runtime is not well')
  }
  return {
    ready() {
      send('--ready')
      if (watchdog_ms === 0) return
      beat()
      stopBeating = every(clock, watchdog_ms / 3, beat)
    },
    stopping: () => send('STOPPING=1'),
    stop: () => stopBeating(),
  }
}
