"""A client of another make (asyncua) looks at the device; prints what it finds as one JSON object."""
import asyncio
import json
import sys
from datetime import datetime

from asyncua import Client, ua
from asyncua.crypto.security_policies import SecurityPolicyAes128Sha256RsaOaep, SecurityPolicyAes256Sha256RsaPss, SecurityPolicyBasic256Sha256

url, certificate, key, person, secret = sys.argv[1:6]


class Ear:
    def __init__(self):
        self.values, self.events = [], []

    def datachange_notification(self, node, value, data):
        self.values.append(value)

    def event_notification(self, event):
        self.events.append({"message": event.Message.Text, "severity": event.Severity, "source": event.SourceName})


async def connected(policy):
    client = Client(url, timeout=20)
    client.application_uri = "urn:test:foreign"
    client.set_user(person)
    client.set_password(secret)
    await client.set_security(policy, certificate, key, mode=ua.MessageSecurityMode.SignAndEncrypt)
    await client.connect()
    return client


async def look():
    found = {}
    endpoints = await Client(url, timeout=20).connect_and_get_server_endpoints()
    found["modes"] = sorted({e.SecurityMode.name for e in endpoints})
    found["policies"] = sorted({e.SecurityPolicyUri.split("#")[1] for e in endpoints})
    for policy in (SecurityPolicyAes128Sha256RsaOaep, SecurityPolicyAes256Sha256RsaPss):
        await (await connected(policy)).disconnect()
    client = await connected(SecurityPolicyBasic256Sha256)
    ns = await client.get_namespace_index("urn:portcullis:device")
    node = lambda name: client.get_node(f"ns={ns};s={name}")
    found["devices"] = sorted([(await n.read_browse_name()).Name for n in await node("machine.Components").get_children()])
    found["mood"] = await node("gadget.mood").read_value()
    words = await (await client.get_node(await node("gadget.mood").read_data_type()).get_child("0:EnumStrings")).read_value()
    found["words"] = [w.Text for w in words]
    unit = await (await node("gadget.level").get_child("0:EngineeringUnits")).read_value()
    found["unit"] = unit.DisplayName.Text
    look_at = lambda depth: node("gadget-MethodSet").call_method(
        node("gadget.look").nodeid, ua.Variant(depth, ua.VariantType.Int32), ua.Variant(1, ua.VariantType.Int32),
        ua.Variant(["seen"], ua.VariantType.String, is_array=True))
    found["look"] = await look_at(2)
    try:
        await look_at(9)
        found["refused"] = "none"
    except ua.UaStatusCodeError as error:
        found["refused"] = type(error).__name__
    ear = Ear()
    subscription = await client.create_subscription(100, ear)
    await subscription.subscribe_data_change(node("gadget.count"))
    await subscription.subscribe_events(client.nodes.server)
    print("watching", flush=True)
    for _ in range(200):
        if len(ear.values) > 1 and ear.events:
            break
        await asyncio.sleep(0.1)
    found["values"], found["events"] = ear.values, ear.events
    past = await node("gadget-DeviceHealth").read_raw_history(numvalues=100, starttime=datetime(2026, 1, 1), endtime=None)
    found["health"] = [value.Value.Value for value in past]
    await client.disconnect()
    return found


print(json.dumps(asyncio.run(look())))
