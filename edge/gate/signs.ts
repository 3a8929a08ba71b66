/** What the lamps show in each stage. */
import type { Sign } from '../device/capabilities.ts'
import type { DoorName } from './input.ts'
import type { Stage, State } from './state.ts'

export type Signs = { readonly [Side in DoorName]: Sign }

const signs: { readonly [At in Exclude<Stage['at'], 'emergency'>]: Signs } = {
  closed: { entry: 'stop', exit: 'stop' },
  idle: { entry: 'go', exit: 'stop' },
  reading: { entry: 'wait', exit: 'stop' },
  checking: { entry: 'wait', exit: 'stop' },
  entering: { entry: 'go', exit: 'stop' },
  alone: { entry: 'stop', exit: 'stop' },
  face: { entry: 'stop', exit: 'wait' },
  finger: { entry: 'stop', exit: 'wait' },
  deciding: { entry: 'stop', exit: 'wait' },
  exiting: { entry: 'stop', exit: 'go' },
  recording: { entry: 'stop', exit: 'stop' },
  refused: { entry: 'stop', exit: 'stop' },
  referred: { entry: 'stop', exit: 'attention' },
  leaving: { entry: 'attention', exit: 'stop' },
}

export function signsOf({ stage }: State): Signs {
  if (stage.at !== 'emergency') return signs[stage.at]
  return stage.way === 'exit' ? { entry: 'stop', exit: 'attention' } : { entry: 'attention', exit: 'stop' }
}
