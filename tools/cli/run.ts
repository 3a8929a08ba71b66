/** `portcullis run`: runs the device that a profile describes, until it is told to stop. */
import { resolve } from 'node:path'
import { Command } from 'commander'
import { systemClock } from '../../edge/base/clock.ts'
import { describe } from '../../edge/base/error.ts'
import type { Logger, LogLevel } from '../../edge/base/log.ts'
import { createNotifier } from '../../edge/run/notify.ts'
import { LogBook } from '../../edge/service/log-book.ts'
import { assemble } from '../../profiles/boot/boot.ts'
import { loadProfile } from '../../profiles/load.ts'
import { home, pageFolder, workers } from './places.ts'
import { version } from './version.ts'

interface RunOptions {
  profile: string
  state: string
  log?: LogLevel
}

export function command(): Command {
  return new Command('run')
    .description('Runs the device that a profile describes. Logs go to standard output, one JSON object a line.')
    .requiredOption('-p, --profile <file>', 'the profile')
    .option('-s, --state <folder>', 'where the device keeps its journal, lists and credentials', process.env['STATE_DIRECTORY'] ?? '/var/lib/portcullis')
    .option('--log <level>', 'the least urgent lines to write, instead of what the profile says')
    .addHelpText('after', '\nExample:\n  portcullis run --profile profiles/egate.yaml --state /var/lib/portcullis')
    .action(run)
}

async function run({ profile: file, state, log: level }: RunOptions): Promise<void> {
  const { stopped, stop } = stopSignal()
  const loaded = await loadProfile(file)
  const book = new LogBook(level ?? loaded.profile.runtime.log)
  const { log } = book
  endOnBug(log)
  const device = await assemble(loaded, {
    state: resolve(state), clock: systemClock, log, book, logLevelFixed: level !== undefined, version, env: process.env, home, page: pageFolder,
    end: () => {
      process.exitCode = restartCode
      stop('restart')
    },
    ...(workers === undefined ? {} : { workers }),
  })
  const notifier = createNotifier({ clock: systemClock, log, env: process.env, alive: () => device.runtime.alive() })
  const sinceStart_ms = (): number => Math.round(process.uptime() * 1000)
  for (const { name, says } of slowToStart) {
    device.model.list().find((component) => component.name === name)?.onChange('health', ({ status }) => {
      if (status === 'ready') log.info({ started_ms: sinceStart_ms() }, says)
    })
  }
  try {
    const early = await Promise.race([device.start(), stopped])
    if (early === undefined) {
      notifier.ready()
      const { site, id } = loaded.profile.device
      log.info({ device: `${site}/${id}`, version, page: device.pageAddress, started_ms: sinceStart_ms() }, 'ready')
    }
    const signal = await stopped
    log.info({ signal }, 'stopping')
  } catch (error) {
    log.fatal({ error }, 'the device cannot run')
    process.stderr.write(`portcullis: ${describe(error).message}\n`)
    process.exitCode = 1
  } finally {
    notifier.stopping()
    notifier.stop()
    await device.stop()
    log.info({}, 'stopped')
    // A part that did not let go of its handles in time must not keep the process.
    setTimeout(() => process.exit(), 500).unref()
  }
}

/** Components that need longer than the rest: when they are ready is worth a line. */
const slowToStart = [{ name: 'face', says: 'face recognition is ready' }, { name: 'obstacles', says: 'every lidar is ready' }] as const

/**
 * A bug ends the program: the doors shut by their own limits, and systemd starts it again. What the
 * error says stays untold, for it may quote what was read.
 */
function endOnBug(log: Logger): void {
  process.on('uncaughtException', (error: unknown) => {
    const where = error instanceof Error ? error.stack?.split('\n').filter((line) => /^ +at /.test(line)) : undefined
    log.fatal({ error, where }, 'a bug ended the program')
    process.exit(1)
  })
}

/** Ended on request, to be started again: a failure to systemd's `Restart=on-failure`, too (EX_TEMPFAIL of sysexits.h). */
const restartCode = 75

/** `stopped` resolves with the first signal that asks the program to stop, or with what `stop` is told; a second signal ends it at once. */
function stopSignal(): { stopped: Promise<string>; stop(why: string): void } {
  const { promise, resolve } = Promise.withResolvers<string>()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      resolve(signal)
      process.once(signal, () => process.exit(130))
    })
  }
  return { stopped: promise, stop: resolve }
}
