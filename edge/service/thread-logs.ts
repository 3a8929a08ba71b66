/**
 * The logs of worker threads: each writes its own lines, so that what it says does not depend on the
 * main thread, and hands a copy to the main thread's memory; how much it writes is said from there.
 */
import { BroadcastChannel } from 'node:worker_threads'
import { createLogger, type Logger, type LogLevel, type LogSink, standardOutput } from '../base/log.ts'
import type { LogBook } from './log-book.ts'
import { Loudness, type Volume } from './loudness.ts'

type Said = { line: string } | { volume: Volume } | 'began'

/** The main thread's end. @returns what closes it */
export function followThreads(book: LogBook, channelName: string): () => void {
  const channel = new BroadcastChannel(channelName)
  const tell = (volume: Volume): void => channel.postMessage({ volume } satisfies Said)
  listen(channel, (said) => {
    if (said === 'began') tell(book.loudness.volume)
    else if ('line' in said) book.remember(said.line)
  })
  const stopListening = book.loudness.changed.add(tell)
  return () => {
    stopListening()
    channel.close()
  }
}

/** A worker's logger. */
export function threadLogger(level: LogLevel, channelName: string, out: LogSink = standardOutput()): Logger {
  const loudness = new Loudness(level)
  const channel = new BroadcastChannel(channelName)
  const log = createLogger(level, {
    write(line) {
      out.write(line)
      channel.postMessage({ line } satisfies Said)
    },
  }, loudness)
  loudness.changed.add(() => {
    log.level = loudness.least
  })
  listen(channel, (said) => {
    if (said !== 'began' && 'volume' in said) loudness.take(said.volume)
  })
  channel.postMessage('began' satisfies Said)
  return log
}

/** Listening alone keeps no thread alive. */
function listen(channel: BroadcastChannel, onSaid: (said: Said) => void): void {
  channel.addEventListener('message', (message) => onSaid((message as MessageEvent<Said>).data))
  channel.unref()
}
