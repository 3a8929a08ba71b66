#!/usr/bin/env node
/** The one program of Portcullis: each command is a file beside this one, loaded when it is asked for. */
import { Command, CommanderError } from 'commander'
import { describe, PortcullisError, UsageError } from '../../edge/base/error.ts'
import { version } from './version.ts'

/** What a command's file exports. */
interface CommandModule {
  command(): Command
}

type Commands = Record<string, { says: string; load(): Promise<CommandModule> }>

/** Set by the bundler; the sources know no such word. */
declare const PORTCULLIS_BUNDLED: boolean | undefined

/** What ships on a device. */
const deviceCommands: Commands = {
  run: { says: 'run a device', load: () => import('./run.ts') },
  check: { says: 'check profiles', load: () => import('./check.ts') },
  console: { says: "open a device's console", load: () => import('./console.ts') },
  journal: { says: 'verify, read, export and replay a journal', load: () => import('./journal.ts') },
  sign: { says: 'sign lists, commands and challenges, make keys', load: () => import('./sign.ts') },
  lidar: { says: 'replay, measure and check what lidars send', load: () => import('./lidar.ts') },
  provision: { says: 'prepare the state folder of a new device, make accounts', load: () => import('./provision.ts') },
}

/** What only those have who have the sources: simulated sites and measurements. */
const workshopCommands: Commands = typeof PORTCULLIS_BUNDLED !== 'undefined' ? {} : {
  demo: { says: 'run one e-Gate end to end on its twins', load: () => import('./demo.ts') },
  schema: { says: 'write the JSON Schema of profiles, for editors', load: () => import('./schema.ts') },
  soak: { says: 'kill the runtime at random moments and see what it lost', load: () => import('./soak.ts') },
  bench: { says: 'measure', load: () => import('./bench.ts') },
  eval: { says: 'measure accuracy on labelled data', load: () => import('./eval.ts') },
}

const commands: Commands = { ...deviceCommands, ...workshopCommands }

/** Exit codes: 0 done, 1 it failed, 2 used wrongly. */
async function main(args: readonly string[]): Promise<number> {
  const program = new Command('portcullis')
    .description('Firmware runtime for smart border gates.')
    .version(version)
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(text) })
    .addHelpText('after', '\nExample:\n  portcullis check profiles/egate.yaml')
  const named = args.find((arg) => !arg.startsWith('-'))
  const known = named !== undefined && Object.hasOwn(commands, named) ? commands[named] : undefined
  if (known === undefined) {
    for (const [name, { says }] of Object.entries(commands)) program.command(name).description(says)
  } else {
    const command = (await known.load()).command()
    for (const each of [command, ...command.commands]) each.exitOverride()
    program.addCommand(command)
  }
  try {
    await program.parseAsync(args, { from: 'user' })
    return Number(process.exitCode ?? 0)
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    const { code, message } = describe(error)
    process.stderr.write(`portcullis: ${message} (${code})\n`)
    if (!(error instanceof PortcullisError) && error instanceof Error) process.stderr.write(`${error.stack ?? ''}\n`)
    return error instanceof UsageError ? 2 : 1
  }
}

// Whoever reads our output may have seen enough, such as head(1): that is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit(0)
})
process.exitCode = await main(process.argv.slice(2))
