"""Phones and proxies that speak SIP over TCP. SIPp is connected directly; its own log shows the messages."""

from __future__ import annotations

import re
import socket

from harness import jingle
from harness.client import JINGLE, reason_of
from harness.phone import free_port
from harness.scenario import Skipped, World, check, equal, scenario

from .calls_from_phones import check_initiate
from .calls_to_phones import CALLEE, check_accept


@scenario("sipp", "slixmpp")
async def phone_calls_over_tcp(world: World) -> None:
    """The responses to an INVITE that came over TCP take its connection."""
    await world.start()
    if not world.gateway.sip_tcp_port:
        raise Skipped("this build does not listen for SIP over TCP")
    alice = await world.client("alice")
    phone = await world.phone("call-and-hang-up", tcp_port=free_port(socket.SOCK_STREAM), callee="alice")
    iq = await alice.action_iq("session-initiate")
    initiate = await alice.action("session-initiate")
    sid = initiate.get("sid") or ""
    check_initiate(initiate, sid)
    content = initiate.find(f"{JINGLE}content")
    assert content is not None
    await alice.accepted(jingle.plain_answer(sid, alice.jid, content.get("name") or ""), iq.get("from") or "")
    equal(reason_of(await alice.action("session-terminate")), "success", "session-terminate")
    await phone.done()


@scenario("sipp", "slixmpp")
async def proxy_is_reached_over_tcp(world: World) -> None:
    """`transport = "tcp"`: INVITE, ACK and BYE over TCP, `;transport=tcp` in the Request-URI."""
    port = free_port(socket.SOCK_STREAM)
    try:
        await world.start('transport = "tcp"', proxy_port=port)
    except AssertionError:
        if "not served yet" in world.gateway.log_tail():
            raise Skipped("this build does not reach proxies over TCP") from None
        raise
    phone = await world.phone("answer-until-bye", tcp_port=port)
    alice = await world.client("alice")
    sid = jingle.new_sid()
    await alice.accepted(jingle.webrtc_offer(sid, alice.jid), CALLEE)
    check_accept(await alice.action("session-accept"), sid)
    await alice.accepted(jingle.terminate(sid, "success"), CALLEE)
    await phone.done()
    log = phone.log.read_text()
    check(f"INVITE sip:+491234567@127.0.0.1:{port};transport=tcp SIP/2.0" in log, f"Request-URI of INVITE:\n{log}")
    check(re.search(r"^BYE .*\n(?:.+\n)*?Via: SIP/2\.0/TCP ", log.replace("\r", ""), re.M), f"Via of BYE:\n{log}")
