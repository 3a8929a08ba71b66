/** What technicians do to the device as a whole, as components of the model: so that every face has it. */
import { Type } from '../base/schema.ts'
import { command, contract, event, property, SelfTestReport } from '../device/contract.ts'

const Level = Type.Enum(['trace', 'debug', 'info', 'warn', 'error'])
const ComponentName = Type.String({ maxLength: 64 })

export const Logs = contract('logs', 'The latest lines of the log, and what is written into it.', {
  level: property(Level, 'The least urgent lines that are written.'),
  louder: property(Type.Record(Type.String(), Type.String()), 'Components that write more for a while, and at which level.'),
  tail: command({ count: Type.Integer({ minimum: 1, maximum: 1_000, default: 50 }), component: Type.Optional(ComponentName), after: Type.Optional(Type.Integer()) }, 'The latest lines; with `after`, those that came after that line.', {
    role: 'viewer', result: Type.Object({ lines: Type.Array(Type.Object({ seq: Type.Integer(), text: Type.String() })), lost: Type.Integer() }),
  }),
  setLevel: command({ component: Type.Optional(ComponentName), level: Level, for_s: Type.Integer({ minimum: 1, maximum: 86_400, default: 600 }) }, 'Lets a component, or all, write more for a while.', { role: 'technician' }),
})

export const Traces = contract('traces', 'The raw bytes between this computer and a part, for a while.', {
  running: property(Type.Record(Type.String(), Type.Integer()), 'The parts that are traced, and for how many seconds more.', 's'),
  start: command({ part: ComponentName, for_s: Type.Integer({ minimum: 1, maximum: 3_600, default: 60 }) }, 'Begins to keep the bytes of a part. What may be personal is replaced by its length.', { role: 'technician' }),
  stop: command({ part: ComponentName }, 'Ends it.', { role: 'technician' }),
  read: command({ part: ComponentName, after: Type.Optional(Type.Integer()) }, 'What was kept: time, direction, bytes in hexadecimal.', {
    role: 'technician', result: Type.Object({ frames: Type.Array(Type.Object({ seq: Type.Integer(), at_ms: Type.Number(), direction: Type.Enum(['in', 'out']), hex: Type.String(), bytes: Type.Integer() })), lost: Type.Integer() }),
  }),
})

export const Settings = contract('settings', 'Values of the profile that were changed at the device, each within the limits of its schema.', {
  changes: property(Type.Array(Type.Object({
    id: Type.Integer(), path: Type.String(), before: Type.String(), value: Type.String(), by: Type.String(), at: Type.Number(), active: Type.Boolean(),
  }), { maxItems: 256 }), 'What was changed, by whom, and whether it is in force already or with the next start.'),
  get: command({ path: Type.String({ maxLength: 256 }) }, 'A value of the profile by its path, as JSON, with what it may be. Secrets are references and stay so.', {
    role: 'viewer', result: Type.Object({ value: Type.String(), says: Type.String(), limits: Type.String() }),
  }),
  set: command({ path: Type.String({ maxLength: 256 }), value: Type.String({ maxLength: 4_096 }) }, 'Changes a value (JSON); it is in force after a restart of the program.', { role: 'technician', result: Type.Object({ id: Type.Integer() }) }),
  undo: command({ id: Type.Integer() }, 'Takes a change back.', { role: 'technician' }),
  changed: event({ path: Type.String(), by: Type.String() }, 'Somebody changed a setting.', { severity: 'warning' }),
})

export const Diagnosis = contract('diagnosis', 'Tests the whole device and packs what somebody far away needs to understand it.', {
  progress: property(Type.Object({ what: Type.String(), done: Type.Integer(), of: Type.Integer() }), 'How far the test or the bundle is.'),
  testAll: command({}, "Runs every component's self-test.", {
    role: 'technician', limit_ms: 60_000, result: Type.Object({ passed: Type.Boolean(), components: Type.Record(Type.String(), SelfTestReport), took_ms: Type.Integer() }),
  }),
  bundle: command({}, 'Packs journal extract, log, counters, profile without secrets, and traces into one file.', {
    role: 'technician', limit_ms: 30_000, result: Type.Object({ file: Type.String(), bytes: Type.Integer(), sha256: Type.String(), took_ms: Type.Integer() }),
  }),
})

export const Power = contract('power', 'Restarts or stops the program or the computer.', {
  restart: command({}, 'Ends the program; systemd starts it again.', { role: 'technician', moves: true }),
  reboot: command({}, 'Restarts the computer.', { role: 'engineer', moves: true }),
  shutdown: command({}, 'Stops the computer; somebody must switch it on again.', { role: 'engineer', moves: true }),
})
