/** Every text of the technician's page that does not come from the device. */
import type { Health } from '../../../device/contract.ts'
import type { Ending } from '../../../access/contract.ts'

export const texts = {
  title: 'Technician',
  skip: 'Skip to the content',
  lost: 'No connection to the device: what is shown is old.',
  logout: 'Log out',
  views: { device: 'Device', test: 'Test', journal: 'Journal', log: 'Log', settings: 'Settings', camera: 'Camera', lidar: 'Lidar', calibrate: 'Calibrate' },
  loading: 'Waiting for the device …',
  login: {
    heading: 'Log in', person: 'Name', secret: 'Secret', enter: 'Log in', bySecret: 'With a secret', byAnswer: 'With an answer of the authority',
    ask: 'Show a challenge', challenge: 'Let the authority sign this challenge:', answer: 'Its answer', again: 'Another challenge',
  },
  device: { allWell: (count: number) => `All ${count} components are ready.`, trouble: (bad: number, count: number) => `${bad} of ${count} components are not ready.`, events: 'Latest events', noEvents: 'Nothing happened since this page was opened.' },
  plan: {
    heading: 'The gate on the traveller\'s way',
    places: { before: 'Before the gate', inside: 'Inside', behind: 'Behind the gate', building: 'The building' },
    roles: {
      reader: 'documents', codes: 'codes', camera: 'faces', finger: 'fingers', front: 'who stands before it', inside: 'who stands inside', behind: 'who has left',
      lampEntry: 'lamp', lampExit: 'lamp', entry: 'entry', exit: 'exit', fire: 'fire alarm', power: 'power failure',
    },
  },
  component: { back: 'All components', values: 'Values', commands: 'Commands', events: 'Events', absent: 'There is no such component.', unknown: 'not known yet', tooLong: (bytes: number) => `too long to be shown (${Math.ceil(bytes / 1024)} KB)`, none: 'none', rows: (count: number) => `${count} values` },
  command: {
    run: 'Run', running: 'Running …', done: 'Done.', needs: (role: string) => `needs the role ${role}`, moves: 'moves something', optional: 'optional',
    confirmHeading: 'This moves something', confirm: 'Make sure that nobody can be hurt.', yes: 'Yes, do it', no: 'No', choose: 'choose …', number: 'is not a number', json: 'is not JSON', missing: 'is missing',
  },
  test: {
    heading: 'Self-test', says: 'Checks every component without moving anything.', run: 'Test everything', passed: 'passed', failed: 'failed',
    summary: (passed: number, failed: number, took_s: string) => `${passed} passed, ${failed} failed, in ${took_s} s.`,
    bundle: 'Diagnosis for somebody far away', bundleSays: 'Packs journal extract, log, counters, profile without secrets, and traces into one file.', pack: 'Pack it', download: 'Download', power: 'Restart', nothing: 'This device has no diagnosis.',
  },
  journal: { heading: 'Journal', kind: 'Kind begins with', component: 'Component', text: 'Text', from: 'From', to: 'To', search: 'Search', more: 'Older ones', none: 'No fact matches.', looked: (facts: number) => `${facts} facts were looked at.`, sealed: 'personal part sealed', any: 'any' },
  log: { heading: 'Log', follow: 'Follow', component: 'Component', level: 'Show from', all: 'all', louder: 'Write more into the log', lost: (count: number) => `${count} lines were lost in between.`, none: 'No line yet.' },
  settings: {
    heading: 'Settings', path: 'Path in the profile, such as gate.limits', get: 'Show', value: 'New value (JSON)', set: 'Change', limits: 'May be', changes: 'Changes made at the device', undo: 'Take back', active: 'in force', waiting: 'with the next start', none: 'None: the profile is as the operator wrote it.', kept: 'Kept. It is in force after a restart of the program.', undone: 'Taken back. The value before is in force after a restart of the program.',
  },
  camera: {
    heading: 'Camera', privacy: 'Pictures can show people. They are shown while the gate is out of service, to technicians who ask for them on the record, and are kept nowhere.', watch: 'Watch for five minutes', stop: 'Stop', none: 'This device has no camera.', picture: 'What the camera sees', role: 'Only technicians and engineers may watch a camera.',
  },
  lidar: { heading: 'Lidar', map: 'What the lidars see, from above. Plus and minus zoom, arrow keys move, 0 resets.', none: 'This device has no lidars.', lost: 'no connection', notLive: 'What is shown is not live.', sources: 'Sources', ground: 'show the ground', zoomIn: 'Closer', zoomOut: 'Farther', reset: 'Reset' },
  calibrate: {
    heading: 'Calibrate', none: 'There is nothing to calibrate on this device.', start: 'Begin', back: 'All wizards', next: 'Next', before: 'Back',
    focus: {
      name: (camera: string) => `Aim and focus ${camera}`, says: 'With the picture and a live figure of its sharpness.',
      steps: ['Let an officer take the gate out of service, and put a page of print where a face would be.', 'Aim: the print fills the frame in the middle of the picture.', 'Turn the focus ring slowly until the figure is at its highest, and a little beyond; then back to the mark.'],
      sharpness: 'Sharpness', best: 'best', ofBest: (percent: number) => `${percent} % of the best so far`, forget: 'Forget the best',
    },
    mount: {
      name: (source: string) => `Check the mounting of ${source}`, says: 'Against the ground, and what the sensor always sees of the vehicle; what was found can be kept.',
      steps: ['Let the vehicle stand on flat, level ground with some metres free around it.', 'Compare: what the sensor takes for ground must lie at height 0 and be level.', 'Each part of the reference contour must be seen.', 'Measure. Correct the mounting itself, or keep what was found in the settings.'],
      height: 'Ground is at', pitch: 'Nods by', roll: 'Leans by', points: 'Ground points', none: 'This sensor sees no ground: it looks along it, or is mounted otherwise than the profile says.',
      good: 'within limits', bad: 'out of limits: correct the mounting, or the mount in the profile', seen: 'seen', unseen: 'not seen', reference: (number: number) => `Reference part ${number}`, noReference: 'The profile names no reference contour for this sensor.',
      measure: 'Measure and keep', measureNow: 'Measure', measuring: 'A moment …', set: 'set', found: 'found', differs: 'differs', axes: { z: 'height', roll: 'roll', pitch: 'pitch' },
      by: (points: number) => `By ${points} points of the floor of one turn, which tell nothing of x, y and yaw.`, nothing: 'It is mounted as the profile says, as well as it must be: nothing to change.',
      keep: 'Keep what was found', keepSays: 'With this the profile says what was found, from the next start on. Or correct the mounting itself.',
    },
    move: {
      name: (component: string) => `Move ${component}`, says: 'It moves only while you hold the button.',
      steps: (held: string, release: string) => [
        'Let an officer take the device out of service. Nobody may stand in the way.', `Hold the button: ${held}. Let go: ${release}. Watch the whole way.`,
        'It must stop when something is in its way, and a barrier open again (use a foam block, never a hand).',
      ],
      hold: (held: string) => `Hold: ${held}`, held: (release: string) => `Let go: ${release}`,
    },
  },
} as const

export const statusWords: Readonly<Record<Health['status'], { word: string; sign: string }>> = {
  ready: { word: 'ready', sign: '✓' }, degraded: { word: 'degraded', sign: '!' }, failed: { word: 'failed', sign: '✕' }, starting: { word: 'starting', sign: '…' }, stopped: { word: 'stopped', sign: '–' },
}

export const endings: Readonly<Record<Ending, string>> = {
  logout: 'You are logged out.', idle: 'You did nothing for a while and were logged out.', lost: 'The session was lost.', replaced: 'Somebody else logged in here.',
  removed: 'Your account was removed.', changed: 'Your account was changed: log in again.',
  tamper: 'The housing was opened: everybody was logged out.', expired: 'The time that the authority gave has passed.', shutdown: 'The page was restarted.',
}
