import t from 'tap'
import { CloudRing, pointKinds } from './cloud.ts'

void t.test('a cloud written in one thread is read in another, and one that was overwritten meanwhile is refused', async (t) => {
  const ring = new CloudRing(3)
  const reader = new CloudRing(3, ring.memory)
  t.equal(reader.newest(() => t.fail('there is nothing to look at')), false)
  const write = (turn: number): void => {
    const cloud = ring.begin(turn)
    cloud.x[0] = turn
    cloud.kind[2] = pointKinds.ground
    cloud.count = 3
    cloud.at_us = turn * 100_000
    ring.end()
  }
  write(7)
  t.equal(reader.newest((cloud) => t.match({ turn: cloud.turn, count: cloud.count, x: cloud.x[0], kind: cloud.kind[2], at_us: cloud.at_us }, { turn: 7, count: 3, x: 7, kind: 1, at_us: 700_000 })), true)
  ring.begin(8)
  t.equal(reader.newest((cloud) => t.equal(cloud.turn, 7)), true, 'one that is being written is not the newest')
  ring.end()
  t.equal(reader.newest(() => [9, 10, 11, 12].forEach(write)), false, 'the writer came round')
  t.equal(reader.newest((cloud) => t.equal(cloud.turn, 12)), true)
})
