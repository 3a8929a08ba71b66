/** What the tracking path goes by; every number with its unit and its reason. */

export interface TrackingSettings {
  /** Metres from the vehicle, forward and sideways, within which objects are looked for. */
  reach_m: number
  /** Gap that two returns of one object may have right at the sensor. People who walk beside each other leave more. */
  gap_m: 0.1,
  /**
   * The gap may grow by so many steps between neighbouring beams: a surface seen at a grazing angle of
   * asin(1 / steps) is still one surface.
   */
  gap_beams: 4,
  /** The gap grows no further. */
  gap_m_max: number
  /** What ends lower above its ground joins no two things that are taller: a kerb between two people. */
  low_m: number
  /** What ends lower above its ground is no object of its own: that is what the ground's roughness leaves. */
  object_height_m_min: number
  /** With fewer returns in a turn it is a rain drop, a snow flake or an insect. */
  points_min: number
  /** Of the beam's angle to a surface: steeper on both sides is a trail of mixed echoes, not a surface. */
  tail_deg: number
  /** A trail bridges at least this much depth. */
  tail_m: number
  /** A track is confirmed when it was seen in `confirm_turns` of its last `memory_turns` turns. */
  confirm_turns: number
  memory_turns: number
  /** A confirmed object that nobody sees any more is followed blindly for so long. */
  coast_ms: number
  /** One that was never confirmed is forgotten after. */
  doubt_ms: number
  /** Standard deviation of the acceleration: a pedestrian who starts, stops or turns. */
  acceleration_mps2: number
  /** Standard deviation of a small object's centre from turn to turn. */
  position_m: number
  /** More of it for each metre of the object's length: one sees now more and now less of it. */
  position_per_m: number
  /** Standard deviation of the speed of something new. */
  speed_mps: number
  /** What is large and has not moved for so long belongs to the place. */
  settled_ms: number
}

export const trackingSettings: TrackingSettings = {
  reach_m: 80,
  gap_m: 0.1,
  gap_beams: 4,
  gap_m_max: 0.7,
  low_m: 0.3,
  object_height_m_min: 0.2,
  points_min: 3,
  tail_deg: 8,
  tail_m: 0.3,
  confirm_turns: 3,
  memory_turns: 5,
  coast_ms: 800,
  doubt_ms: 400,
  acceleration_mps2: 1,
  position_m: 0.07,
  position_per_m: 0.04,
  speed_mps: 3,
  settled_ms: 10_000,
}

/** Objects and tracks are kept in arrays of a fixed length: more than this is counted, not followed. */
export const objectsMax = 256
/** Clusters of one turn; with more, those with the fewest returns are left out. */
export const sightingsMax = 512
/** Occupied cells of one turn, as many as 16 bits can number; the busiest recorded street scenes fill a third of it. */
export const cellsMax = 65_535
