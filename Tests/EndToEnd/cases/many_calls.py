"""Thousands of calls: they leave memory, sessions, timers and sockets where they were."""

from __future__ import annotations

import asyncio
import re

from harness import jingle
from harness.lean import LeanDevice
from harness.puppet import WEBRTC_SDP, Puppet
from harness.scenario import SIPP, World, check, equal, scenario
from harness.sip import Message
from harness.waiting import condition_of

from .calls_to_phones import CALLEE

#: Seconds that the calls may take.
LIMIT = 200
LIMIT_OF_TRANSACTIONS = 34
#: What the heap may keep: 840 bytes a call. Seen were 0 to 0.6 MB, and once 5.8 MB in a step. A call that is forgotten
#: anywhere, with its descriptions and messages, is more than 10 kB, and 100 MB in the end.
ALLOWED_GROWTH = 8 << 20
#: So many calls stand at the same time in each direction.
AT_ONCE = 50


class AnsweringDevice(LeanDevice):
    """Accepts every session-initiate at once, and answers whatever it is sent."""

    def __init__(self, user: str, resource: str) -> None:
        super().__init__(user, resource)
        self.on_iq = self._take
        self.accepted = self.ended_calls = 0

    def _take(self, iq: str) -> None:
        attributes = dict(re.findall(r"(\w+)=['\"]([^'\"]*)['\"]", iq[: iq.index(">")]))
        if attributes.get("type") != "set":
            return
        self.send(f"<iq type='result' id='{attributes['id']}' to='{attributes['from']}'/>")
        if "session-initiate" in iq:
            sid = re.search(r"sid=['\"]([^'\"]*)", iq)
            name = re.search(r"<content[^>]* name=['\"]([^'\"]*)", iq)
            assert sid and name
            answer = jingle.plain_answer(sid[1], self.jid, name[1])
            self.send(f"<iq type='set' id='a{sid[1]}' to='{attributes['from']}'>{answer}</iq>")
            self.accepted += 1
        elif "session-terminate" in iq:
            self.ended_calls += 1


class CallingDevice(LeanDevice):
    """Calls the phone and hangs up as soon as that has answered."""

    def __init__(self, user: str, resource: str, most: int) -> None:
        super().__init__(user, resource)
        self.on_iq = self._take
        self.done = 0
        self._free = asyncio.Semaphore(most)

    async def call(self) -> None:
        await self._free.acquire()
        sid = jingle.new_sid()
        self.send(f"<iq type='set' id='i{sid}' to='{CALLEE}'>{jingle.webrtc_offer(sid, self.jid)}</iq>")

    def _take(self, iq: str) -> None:
        attributes = dict(re.findall(r"(\w+)=['\"]([^'\"]*)['\"]", iq[: iq.index(">")]))
        if attributes.get("type") == "result" and attributes["id"].startswith("t"):
            self.done += 1
            self._free.release()
        if attributes.get("type") != "set":
            return
        self.send(f"<iq type='result' id='{attributes['id']}' to='{attributes['from']}'/>")
        if "session-accept" in iq:
            sid = re.search(r"sid=['\"]([^'\"]*)", iq)
            assert sid
            self.send(f"<iq type='set' id='t{sid[1]}' to='{CALLEE}'>{jingle.terminate(sid[1], 'success')}</iq>")


class AnsweringPuppet(Puppet):
    """Answers every INVITE and BYE at once, and keeps nothing."""

    def note(self, from_gateway: bool, message: Message) -> None:
        if not from_gateway or message.status:
            return
        if message.method == "INVITE":
            self.respond(message, 200, body=WEBRTC_SDP)
        elif message.method == "BYE":
            self.respond(message, 200)
        self._sources.pop(message.branch, None)


@scenario("sipp", behind=SIPP, timeout=400, alone="load")
async def many_calls_leave_nothing(world: World) -> None:
    """Issue B: 10,000 calls (`--calls`), half of them in each direction, leave memory, sessions and sockets where they were."""
    puppet = await world.puppet(kind=AnsweringPuppet)
    world.direct_port = world.gateway.sip_port
    callee, caller = AnsweringDevice("alice", "load"), CallingDevice("bob", "load", AT_ONCE)
    for device in (callee, caller):
        await device.connect(world.gateway.xmpp_port)
    results = []
    done = 0
    # As many before as then: for 64 T1 each call is remembered, and fewer would not show how much that is at its peak.
    for calls in (world.many_calls // 2, world.many_calls // 2):
        # SIPp begins the next call when one has ended.
        phone = await world.phone("call-many", calls, ("-r", "2000", "-l", str(AT_ONCE)), seconds=LIMIT, callee="alice")
        for _ in range(calls):
            await caller.call()
        await phone.done(LIMIT)
        done += calls
        await condition_of(lambda: (caller.done, callee.ended_calls) == (done, done), LIMIT, f"{done} calls each way")
        await world.gateway.calls_ended(2 * done, 10)
        # What has been answered is remembered for 64 T1 (RFC 3261 §17.2, RFC 6026).
        await asyncio.sleep(LIMIT_OF_TRANSACTIONS)
        results.append((world.gateway.memory(), world.gateway.descriptors()))
    (memory, descriptors), (memory_then, descriptors_then) = results
    grown = memory_then - memory
    print(f"        {world.many_calls} calls: {memory >> 10} kB, {descriptors} descriptors; "
          f"{world.many_calls} more: {memory_then >> 10} kB, {descriptors_then} descriptors", flush=True)
    equal(descriptors_then, descriptors, "number of descriptors")
    check(grown <= ALLOWED_GROWTH, f"{world.many_calls} calls have left {grown} bytes, {grown / world.many_calls:.0f} each")
    equal(callee.accepted, done, "calls accepted by the device")
    check(world.gateway.is_running(), "the gateway has ended")
    for device in (callee, caller):
        device.close()
