/** The device as a whole: a machine with its nameplate and its parts (OPC 40001-1). */
import type { AddressSpace, Namespace, UAObject, UAVariable } from 'node-opcua'
import { DataType, StatusCodes } from 'node-opcua'
import { invariant } from '../../base/error.ts'
import type { OpcuaSection } from '../section.ts'
import type { About } from '../words.ts'
import { spaces } from './types.ts'

const models: Record<string, string> = { egate: 'e-Gate', lane: 'Cargo lane', igv: 'Intelligent guided vehicle' }

export function addMachine(space: AddressSpace, own: Namespace, about: About, plate: OpcuaSection['machine'], devices: readonly UAObject[]): UAObject {
  const machinery = space.getNamespaceIndex(spaces.machinery)
  const di = space.getNamespaceIndex(spaces.di)
  const machines = space.rootFolder.objects.getFolderElementByName('Machines', machinery)
  const identity = space.findObjectType('MachineIdentificationType', machinery)
  const componentsType = space.findObjectType('MachineComponentsType', machinery)
  invariant(machines !== null && identity !== null && componentsType !== null, 'Machinery has machines')
  const machine = own.addObject({
    browseName: about.id, nodeId: 's=machine', organizedBy: machines, typeDefinition: 'BaseObjectType', description: `The whole device at ${about.site}.`,
  })
  const plateNode = identity.instantiate({
    browseName: { name: 'Identification', namespaceIndex: di }, nodeId: 's=machine.Identification', namespace: own, addInOf: machine,
    optionals: ['Location', 'Model', 'SoftwareRevision', 'ComponentName'],
  })
  const set = (name: string, index: number, dataType: DataType, value: unknown): void => {
    const variable = plateNode.getChildByName(name, index) as UAVariable | null
    invariant(variable !== null, `a nameplate has ${name}`)
    variable.setValueFromSource({ dataType, value }, StatusCodes.Good)
  }
  set('Manufacturer', di, DataType.LocalizedText, { text: plate.manufacturer })
  set('Model', di, DataType.LocalizedText, { text: plate.model === '' ? (models[about.kind] ?? about.kind) : plate.model })
  set('SerialNumber', di, DataType.String, plate.serial === '' ? about.id : plate.serial)
  set('SoftwareRevision', di, DataType.String, about.version)
  set('ComponentName', di, DataType.LocalizedText, { text: about.id })
  set('ProductInstanceUri', di, DataType.String, instanceUri(about))
  set('Location', machinery, DataType.String, about.site)
  const components = componentsType.instantiate({ browseName: { name: 'Components', namespaceIndex: machinery }, nodeId: 's=machine.Components', namespace: own, addInOf: machine })
  for (const device of devices) components.addReference({ referenceType: 'Organizes', nodeId: device.nodeId })
  return machine
}

/** The name of this device in the whole world, and of its server. */
export const instanceUri = ({ site, id }: About): string => `urn:portcullis:${site.replaceAll('/', ':')}:${id}`
