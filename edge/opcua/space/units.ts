/** Units: from UCUM, which the device model uses, to OPC UA (UNECE Recommendation 20 codes, OPC 10000-8, 5.6.3). */
import { type EUInformation, makeEUInformation } from 'node-opcua'
import { unitSymbol } from '../../device/units.ts'

/** UCUM to UNECE code, and its name. */
const units: Record<string, readonly [code: string, name: string]> = {
  '1': ['C62', 'one'], '%': ['P1', 'percent'], '1/s': ['C97', 'reciprocal second'], '1/min': ['C94', 'reciprocal minute'], 'r/min': ['RPM', 'revolutions per minute'], Hz: ['HTZ', 'hertz'],
  us: ['B98', 'microsecond'], ms: ['C26', 'millisecond'], s: ['SEC', 'second'], min: ['MIN', 'minute'], h: ['HUR', 'hour'], d: ['DAY', 'day'],
  um: ['4H', 'micrometre'], mm: ['MMT', 'millimetre'], cm: ['CMT', 'centimetre'], m: ['MTR', 'metre'], km: ['KMT', 'kilometre'], m2: ['MTK', 'square metre'], m3: ['MTQ', 'cubic metre'],
  'm/s': ['MTS', 'metre per second'], 'm/s2': ['MSK', 'metre per second squared'], 'km/h': ['KMH', 'kilometre per hour'],
  deg: ['DD', 'degree'], rad: ['C81', 'radian'], 'rad/s': ['2A', 'radian per second'], 'deg/s': ['E96', 'degree per second'],
  Cel: ['CEL', 'degree Celsius'], K: ['KEL', 'kelvin'],
  V: ['VLT', 'volt'], mV: ['2Z', 'millivolt'], A: ['AMP', 'ampere'], mA: ['4K', 'milliampere'], Ohm: ['OHM', 'ohm'], W: ['WTT', 'watt'], Wh: ['WHR', 'watt hour'], 'W.h': ['WHR', 'watt hour'],
  By: ['AD', 'byte'], kB: ['2P', 'kilobyte'], kBy: ['2P', 'kilobyte'], MB: ['4L', 'megabyte'], MBy: ['4L', 'megabyte'], GB: ['E34', 'gigabyte'], GBy: ['E34', 'gigabyte'],
  g: ['GRM', 'gram'], kg: ['KGM', 'kilogram'], t: ['TNE', 'tonne'], N: ['NEW', 'newton'], Pa: ['PAL', 'pascal'], bar: ['BAR', 'bar'],
  lx: ['LUX', 'lux'], dB: ['2N', 'decibel'],
}

/** A unit that has no UNECE code here keeps its UCUM name. */
export function unitOf(name: string): EUInformation {
  const [code, says] = units[name] ?? ['', name]
  const unit = makeEUInformation(code, code === '' ? name : unitSymbol(name), says)
  if (code !== '') return unit
  unit.namespaceUri = 'http://unitsofmeasure.org'
  unit.unitId = -1
  return unit
}
