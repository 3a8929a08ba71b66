/** Units: from UCUM, which the device model uses, to OPC UA (UNECE Recommendation 20 codes, OPC 10000-8, 5.6.3). */
import { type EUInformation, makeEUInformation } from 'node-opcua'

/** UCUM to UNECE code, what people see, and its name. */
const units: Record<string, readonly [code: string, symbol: string, name: string]> = {
  '1': ['C62', '', 'one'], '%': ['P1', '%', 'percent'], '1/s': ['C97', '1/s', 'reciprocal second'], Hz: ['HTZ', 'Hz', 'hertz'],
  us: ['B98', 'µs', 'microsecond'], ms: ['C26', 'ms', 'millisecond'], s: ['SEC', 's', 'second'], min: ['MIN', 'min', 'minute'], h: ['HUR', 'h', 'hour'], d: ['DAY', 'd', 'day'],
  mm: ['MMT', 'mm', 'millimetre'], cm: ['CMT', 'cm', 'centimetre'], m: ['MTR', 'm', 'metre'], km: ['KMT', 'km', 'kilometre'],
  'm/s': ['MTS', 'm/s', 'metre per second'], 'm/s2': ['MSK', 'm/s²', 'metre per second squared'], 'km/h': ['KMH', 'km/h', 'kilometre per hour'],
  deg: ['DD', '°', 'degree'], rad: ['C81', 'rad', 'radian'], 'rad/s': ['2A', 'rad/s', 'radian per second'], 'deg/s': ['E96', '°/s', 'degree per second'],
  Cel: ['CEL', '°C', 'degree Celsius'], K: ['KEL', 'K', 'kelvin'],
  V: ['VLT', 'V', 'volt'], mV: ['2Z', 'mV', 'millivolt'], A: ['AMP', 'A', 'ampere'], mA: ['4K', 'mA', 'milliampere'], W: ['WTT', 'W', 'watt'], Wh: ['WHR', 'W·h', 'watt hour'],
  By: ['AD', 'B', 'byte'], kB: ['2P', 'kB', 'kilobyte'], MB: ['4L', 'MB', 'megabyte'], GB: ['E34', 'GB', 'gigabyte'],
  g: ['GRM', 'g', 'gram'], kg: ['KGM', 'kg', 'kilogram'], t: ['TNE', 't', 'tonne'], N: ['NEW', 'N', 'newton'], Pa: ['PAL', 'Pa', 'pascal'], bar: ['BAR', 'bar', 'bar'],
  lx: ['LUX', 'lx', 'lux'], dB: ['2N', 'dB', 'decibel'],
}

/** A unit that has no UNECE code here keeps its UCUM name. */
export function unitOf(name: string): EUInformation {
  const [code, symbol, says] = units[name] ?? ['', name, name]
  const unit = makeEUInformation(code, symbol, says)
  if (code !== '') return unit
  unit.namespaceUri = 'http://unitsofmeasure.org'
  unit.unitId = -1
  return unit
}
