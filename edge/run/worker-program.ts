/** The inside of a worker thread: says that it lives, answers requests one after the other. See worker.ts. */
import { parentPort, workerData } from 'node:worker_threads'
import { describe, InputError, invariant } from '../base/error.ts'

/** What a worker says. */
export type WorkerMessage =
  | { kind: 'alive' }
  | { kind: 'news'; news: unknown }
  | { kind: 'ready'; about: unknown }
  | { kind: 'failed'; code: string; message: string }
  | { kind: 'answer'; id: number; answer: unknown }
  | { kind: 'refused'; id: number; code: string; message: string; input: boolean }

/** What a worker is asked; `leave` is the last of it. */
export type WorkerRequest = { id: number; request: unknown } | 'leave'

export interface WorkerProgram {
  /** What the main thread gets to know once the worker is ready. */
  about: unknown
  handle(request: unknown): Promise<unknown>
}

export const heartbeat_ms = 500

/** Says something to the main thread that it did not ask for. */
export type Tell = (news: unknown) => void

/**
 * Runs a program in this worker thread until the main thread ends it.
 * @param open makes the program from what the main thread gave
 */
export async function serveWorker(open: (data: unknown, tell: Tell) => Promise<WorkerProgram>): Promise<void> {
  const port = parentPort
  invariant(port !== null, 'a worker program runs in a worker thread')
  const say = (message: WorkerMessage): void => port.postMessage(message)
  const beat = setInterval(() => say({ kind: 'alive' }), heartbeat_ms)
  let program: WorkerProgram | undefined
  port.on('message', (asked: WorkerRequest) => {
    // Here no native code runs in this thread: see WorkerHost.
    if (asked === 'leave') process.exit()
    const { id, request } = asked
    program?.handle(request).then(
      (answer) => say({ kind: 'answer', id, answer }),
      (error: unknown) => say({ kind: 'refused', id, ...describe(error), input: error instanceof InputError }),
    )
  })
  try {
    program = await open(workerData, (news) => say({ kind: 'news', news }))
    say({ kind: 'ready', about: program.about })
  } catch (error) {
    clearInterval(beat)
    say({ kind: 'failed', ...describe(error) })
  }
}
