"""The Jingle elements that the clients of the tests send."""

from __future__ import annotations

import secrets

FINGERPRINT = "02:1A:CC:54:27:AB:EB:9C:53:3F:3E:4B:65:2E:7D:46:3F:54:42:CD:54:F1:7A:03:A2:7D:F9:B0:7F:46:19:B2"
UFRAG = "8hhy"
PASSWORD = "asd88fgpdd777uzjYhagZg"


def new_sid() -> str:
    return f"e2e-{secrets.token_hex(8)}"


def _transport(port: int, setup: str, candidates: str | None = None) -> str:
    if candidates is None:
        candidates = (
            f"<candidate component='1' foundation='1' generation='0' id='el0747fg{port}' ip='198.51.100.9' network='1' "
            f"port='{port}' priority='2130706431' protocol='udp' type='host'/>"
            f"<candidate component='1' foundation='2' generation='0' id='y3s2b30v{port}' ip='203.0.113.141' network='1' "
            f"port='{port + 4}' priority='1694498815' protocol='udp' rel-addr='198.51.100.9' rel-port='{port}' "
            "type='srflx'/>")
    return (
        f"<transport xmlns='urn:xmpp:jingle:transports:ice-udp:1' ufrag='{UFRAG}' pwd='{PASSWORD}'>"
        f"<fingerprint xmlns='urn:xmpp:jingle:apps:dtls:0' hash='sha-256' setup='{setup}'>{FINGERPRINT}</fingerprint>"
        f"{candidates}</transport>")


def webrtc_audio(setup: str = "actpass", candidates: str | None = None) -> str:
    return (
        "<content creator='initiator' name='0' senders='both'>"
        "<description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'>"
        "<payload-type id='111' name='opus' clockrate='48000' channels='2'>"
        "<parameter name='minptime' value='10'/><parameter name='useinbandfec' value='1'/>"
        "<rtcp-fb xmlns='urn:xmpp:jingle:apps:rtp:rtcp-fb:0' type='transport-cc'/></payload-type>"
        "<payload-type id='0' name='PCMU' clockrate='8000'/>"
        "<payload-type id='126' name='telephone-event' clockrate='8000'/>"
        "<rtp-hdrext xmlns='urn:xmpp:jingle:apps:rtp:rtp-hdrext:0' id='1' "
        "uri='urn:ietf:params:rtp-hdrext:ssrc-audio-level'/>"
        "<rtcp-mux/>"
        "<source xmlns='urn:xmpp:jingle:apps:rtp:ssma:0' ssrc='1656081975'>"
        "<parameter name='cname' value='Yv/wvbCdsDW2Prgd'/></source>"
        f"</description>{_transport(50001, setup, candidates)}</content>")


def webrtc_video(setup: str = "actpass", candidates: str | None = None) -> str:
    return (
        "<content creator='initiator' name='1' senders='initiator'>"
        "<description xmlns='urn:xmpp:jingle:apps:rtp:1' media='video'>"
        "<payload-type id='96' name='VP8' clockrate='90000'>"
        "<rtcp-fb xmlns='urn:xmpp:jingle:apps:rtp:rtcp-fb:0' type='nack' subtype='pli'/></payload-type>"
        f"<rtcp-mux/></description>{_transport(50003, setup, candidates)}</content>")


GROUP = ("<group xmlns='urn:xmpp:jingle:apps:grouping:0' semantics='BUNDLE'>"
         "<content name='0'/><content name='1'/></group>")


def webrtc_offer(sid: str, initiator: str) -> str:
    """What a browser offers: audio and video, ICE, DTLS, BUNDLE, sources, header extensions."""
    return (f"<jingle xmlns='urn:xmpp:jingle:1' action='session-initiate' initiator='{initiator}' sid='{sid}'>"
            f"{webrtc_audio()}{webrtc_video()}{GROUP}</jingle>")


def webrtc_audio_offer(sid: str, initiator: str) -> str:
    """The same without video."""
    return (f"<jingle xmlns='urn:xmpp:jingle:1' action='session-initiate' initiator='{initiator}' sid='{sid}'>"
            f"{webrtc_audio()}</jingle>")


def content_add(sid: str) -> str:
    """Video behind that, as Conversations adds it."""
    return (f"<jingle xmlns='urn:xmpp:jingle:1' action='content-add' sid='{sid}'>"
            f"{webrtc_video(candidates='')}{GROUP}</jingle>")


def content_answer(sid: str, takes: bool) -> str:
    """What a client says to video that the phone adds."""
    content = webrtc_video("passive", candidates="").replace("creator='initiator'", "creator='responder'")
    return (f"<jingle xmlns='urn:xmpp:jingle:1' action='{'content-accept' if takes else 'content-reject'}' sid='{sid}'>"
            f"{content}</jingle>")


def webrtc_answer(sid: str, responder: str) -> str:
    """The answer of another browser to that."""
    return (f"<jingle xmlns='urn:xmpp:jingle:1' action='session-accept' responder='{responder}' sid='{sid}'>"
            f"{webrtc_audio('active')}{webrtc_video('active')}{GROUP}</jingle>")


def plain_answer(sid: str, responder: str, name: str, candidates: bool = True,
                 address: tuple[str, int] = ("198.51.100.9", 13540)) -> str:
    """The answer to a plain RTP phone: one audio content with a raw-udp candidate, which may come later."""
    return _plain(f"action='session-accept' responder='{responder}'", sid, name, address if candidates else None)


def plain_offer(sid: str, initiator: str, address: tuple[str, int] = ("198.51.100.9", 13540)) -> str:
    """The offer of a client that speaks plain RTP."""
    return _plain(f"action='session-initiate' initiator='{initiator}'", sid, "audio", address)


def _plain(attributes: str, sid: str, name: str, address: tuple[str, int] | None) -> str:
    candidate = "" if address is None else (
        f"<candidate component='1' generation='0' id='a9j3mnbtu1' ip='{address[0]}' port='{address[1]}'/>")
    return (
        f"<jingle xmlns='urn:xmpp:jingle:1' {attributes} sid='{sid}'>"
        f"<content creator='initiator' name='{name}' senders='both'>"
        "<description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'>"
        "<payload-type id='0' name='PCMU' clockrate='8000'/>"
        "<payload-type id='101' name='telephone-event' clockrate='8000'/></description>"
        "<transport xmlns='urn:xmpp:jingle:transports:raw-udp:1'>"
        f"{candidate}</transport></content></jingle>")


def terminate(sid: str, reason: str) -> str:
    return (f"<jingle xmlns='urn:xmpp:jingle:1' action='session-terminate' sid='{sid}'>"
            f"<reason><{reason}/></reason></jingle>")


def offer_without_candidates(sid: str, initiator: str) -> str:
    """What a client that trickles offers."""
    return (f"<jingle xmlns='urn:xmpp:jingle:1' action='session-initiate' initiator='{initiator}' sid='{sid}'>"
            f"{webrtc_audio(candidates='')}{webrtc_video(candidates='')}{GROUP}</jingle>")


def transport_info(sid: str, name: str, port: int) -> str:
    """One candidate for one content."""
    return (
        f"<jingle xmlns='urn:xmpp:jingle:1' action='transport-info' sid='{sid}'>"
        f"<content creator='initiator' name='{name}'>"
        f"<transport xmlns='urn:xmpp:jingle:transports:ice-udp:1' ufrag='{UFRAG}' pwd='{PASSWORD}'>"
        f"<candidate component='1' foundation='5' generation='0' id='trickled{port}' ip='198.51.100.9' network='1' "
        f"port='{port}' priority='2130706431' protocol='udp' type='host'/></transport></content></jingle>")


def source_add(sid: str, ssrc: int, action: str = "source-add") -> str:
    """jingle.js: a new source in the audio content; the same for source-remove and source-update."""
    return (
        f"<jingle xmlns='urn:xmpp:jingle:1' action='{action}' sid='{sid}'>"
        "<content creator='initiator' name='0'><description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'>"
        f"<source xmlns='urn:xmpp:jingle:apps:rtp:ssma:0' ssrc='{ssrc}'><parameter name='cname' value='second'/></source>"
        "</description></content></jingle>")


def existing_session_initiate(to: str, sid: str | None = None) -> str:
    """mod_jingle_sip: asks for the session-initiate that nobody has answered; the whole IQ, with `{id}`."""
    return (f"<iq type='get' id='{{id}}' to='{to}'><jingle xmlns='urn:xmpp:jingle:1' "
            f"action='existing-session-initiate'{f' sid={chr(39)}{sid}{chr(39)}' if sid else ''}/></iq>")
