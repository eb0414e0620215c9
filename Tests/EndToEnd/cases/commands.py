"""The executable by itself."""

from __future__ import annotations

import asyncio
import time

from harness.scenario import World, check, equal, scenario


async def run(world: World, *arguments: str, timeout: float, text: bytes = b"") -> tuple[int, str, str]:
    """Runs the executable to its end: exit status, standard output, standard error."""
    process = await asyncio.create_subprocess_exec(
        str(world.executable), *arguments, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE, cwd=world.folder)
    try:
        output, errors = await asyncio.wait_for(process.communicate(text), timeout)
    except asyncio.TimeoutError:
        process.kill()
        await process.wait()
        raise AssertionError(f"{' '.join(arguments)} has not ended within {timeout:g} s") from None
    return process.returncode or 0, output.decode(), errors.decode()


@scenario()
async def demo_shows_both_protocols(world: World) -> None:
    """`demo` exits 0 within 8 s and prints a call in each direction, in both protocols."""
    begin = time.monotonic()
    status, output, errors = await run(world, "demo", timeout=8)
    equal(status, 0, f"exit status after {time.monotonic() - begin:.1f} s\n{errors[-2000:]}")
    for word in ("session-initiate", "session-accept", "session-terminate", "INVITE", "180", "200", "ACK", "BYE"):
        check(word in output, f"{word} is not in what demo prints:\n{output}")
    check(output.count("session-initiate") >= 2 and output.count("INVITE") >= 2, f"only one call:\n{output}")


@scenario()
async def configuration_errors_name_their_line(world: World) -> None:
    """An unknown key: exit status 78 and FILE:LINE: on standard error."""
    file = world.folder / "wrong.toml"
    file.write_text("[sip]\nlisten_port = 0\nno_such_key = 1\n")
    status, _, errors = await run(world, "serve", "--config", str(file), timeout=5)
    equal(status, 78, f"exit status\n{errors}")
    check(f"{file}:3: " in errors, f"standard error: {errors}")


@scenario()
async def certificates_that_cannot_be_used_name_their_line(world: World) -> None:
    """TLS without a certificate, and a file that is none: exit status 78 and FILE:LINE: on standard error."""
    file = world.folder / "wrong.toml"
    for text, line, word in (
        ('[sip]\nlisten_port = 0\ntransport = "tls"\n', 3, "`certificate`"),
        (f'[xmpp.embedded]\nlisten_port = 0\ncertificate = "{file}"\nprivate_key = "{file}"\n', 3, "no certificates"),
    ):
        file.write_text(text)
        status, _, errors = await run(world, "serve", "--config", str(file), timeout=5)
        equal(status, 78, f"exit status\n{errors}")
        check(f"{file}:{line}: " in errors and word in errors, f"standard error: {errors}")


@scenario()
async def wrong_usage_exits_64(world: World) -> None:
    """An option that does not exist: exit status 64."""
    status, _, errors = await run(world, "serve", "--no-such-option", timeout=5)
    equal(status, 64, f"exit status\n{errors}")
