#!/usr/bin/env python3
"""End-to-end tests of jingle-sip-gateway with real peers. See README.md beside this file."""

from __future__ import annotations

import argparse
import asyncio
import importlib
import logging
import sys
import tempfile
import time
import traceback
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))

import cases  # noqa: E402  (registers the scenarios)
from harness.baresip import baresip_is_there  # noqa: E402
from harness.certificates import openssl_is_there  # noqa: E402
from harness.client import slixmpp_is_there  # noqa: E402
from harness.phone import sipp_is_there  # noqa: E402
from harness.proxies import kamailio_path  # noqa: E402
from harness.scenario import SCENARIOS, Scenario, Skipped  # noqa: E402
from harness.servers import Ejabberd, Prosody  # noqa: E402

PACKAGE = Path(__file__).resolve().parents[2]
MISSING = {
    "sipp": "SIPp is not installed (Debian: sip-tester)",
    "baresip": "baresip is not installed (Debian: baresip-core)",
    "ejabberd": "ejabberd is not installed (Debian: ejabberd)",
    "kamailio": "Kamailio is not installed (Debian: kamailio)",
    "openssl": "openssl is not installed (Debian: openssl)",
    "prosody": "Prosody is not installed (Debian: prosody)",
    "slixmpp": f"slixmpp is not installed for {sys.executable} (PyPI: slixmpp)",
}


def default_gateway() -> Path:
    for configuration in ("release", "debug"):
        path = PACKAGE / ".build" / configuration / "jingle-sip-gateway"
        if path.exists():
            return path
    return PACKAGE / ".build" / "release" / "jingle-sip-gateway"


async def play(scenario: Scenario, gateway: Path, verbose: bool, calls: int) -> str | None:
    """Plays one scenario; returns what was wrong. Raises `Skipped` where it could not be played."""
    with tempfile.TemporaryDirectory(prefix="jsg-e2e-") as folder:
        world = scenario.world(gateway, Path(folder), scenario.topology, calls)
        problem = None
        try:
            await asyncio.wait_for(scenario.run(world), scenario.timeout)
        except AssertionError as error:
            problem = str(error) or traceback.format_exc()
        except Skipped:
            raise
        except asyncio.TimeoutError:
            problem = f"not at its end after {scenario.timeout:g} s"
        except Exception:
            problem = traceback.format_exc()
        finally:
            await world.close()
        if verbose or problem:
            print(indented(world.transcript()), file=sys.stderr)
        return problem


def indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())


class Results:
    """What came out, said as soon as it is known."""

    def __init__(self, gateway: Path, verbose: bool, calls: int) -> None:
        self.gateway, self.verbose, self.calls = gateway, verbose, calls
        self.passed = self.failed = 0
        #: Those that failed beside others, to be played once more with the machine for themselves.
        self.doubtful: list[Scenario] = []
        #: Those that passed only then.
        self.unsteady: list[str] = []
        #: Scenarios by what is missing.
        self.skipped: dict[str, int] = {}

    def skip(self, scenario: Scenario, reason: str) -> None:
        self.skipped[reason] = self.skipped.get(reason, 0) + 1
        print(f"skipped {scenario.name}: {reason}", flush=True)

    async def play(self, scenario: Scenario, again: bool = False) -> None:
        begin = time.monotonic()
        try:
            problem = await play(scenario, self.gateway, self.verbose, self.calls)
        except Skipped as reason:
            self.skip(scenario, str(reason))
            return
        seconds = time.monotonic() - begin
        if problem is None:
            self.passed += 1
            if again:
                self.unsteady.append(scenario.name)
            print(f"ok      {scenario.name} ({seconds:.1f} s)", flush=True)
        elif not again:
            self.doubtful.append(scenario)
            print(f"unsteady {scenario.name} ({seconds:.1f} s)\n{indented(problem)}", flush=True)
        else:
            self.failed += 1
            print(f"FAILED  {scenario.name} ({seconds:.1f} s)\n{indented(problem)}", flush=True)


async def play_all(scenarios: list[Scenario], jobs: int, results: Results) -> None:
    """Some at once, beside those that only wait; then those that need the machine for themselves."""
    busy = asyncio.Semaphore(jobs)

    async def play_one(scenario: Scenario) -> None:
        async with busy:
            await results.play(scenario)

    waiting = []
    for scenario in scenarios:
        if scenario.waits:
            waiting.append(asyncio.create_task(results.play(scenario)))
            # Not all at once: each starts a gateway and its clients.
            await asyncio.sleep(0.5)
    await asyncio.gather(*(play_one(s) for s in scenarios if not s.waits and not s.alone))
    await asyncio.gather(*waiting)
    for group in dict.fromkeys(s.alone for s in scenarios if s.alone):
        await asyncio.gather(*(results.play(s) for s in scenarios if s.alone == group))
    # Clients, phones and servers on a busy machine may miss a moment that a scenario depends on. What fails here too,
    # with nothing beside it, is wrong; what does not is named at the end, to be mended.
    for scenario in results.doubtful:
        await results.play(scenario, again=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gateway", type=Path, default=default_gateway(), metavar="PATH", help="the executable")
    parser.add_argument("--list", action="store_true", help="name the scenarios and end")
    parser.add_argument("--verbose", action="store_true", help="print what went over the wire for passed ones too")
    parser.add_argument("--jobs", type=int, default=6, metavar="N", help="how many are played at once (%(default)s)")
    parser.add_argument("--calls", type=int, metavar="N", help="how many are many (10000; a debug build: 2000)")
    parser.add_argument("--pending", action="store_true", help="those for what the gateway lacks as well")
    parser.add_argument("scenario", nargs="*", help="names of scenarios, or parts of names; all without any")
    arguments = parser.parse_args()
    if arguments.pending:
        for name in cases.PENDING:
            importlib.import_module(f"cases.{name}")

    chosen = [s for s in SCENARIOS if not arguments.scenario or any(part in s.name for part in arguments.scenario)]
    if arguments.list:
        for scenario in chosen:
            print(f"{scenario.name:60} {scenario.what}")
        return 0
    if not chosen:
        parser.error(f"there is no scenario named {' or '.join(arguments.scenario)}")
    gateway = arguments.gateway.resolve()
    if not gateway.is_file():
        parser.error(f"there is no {gateway}; build it first: swift build --product jingle-sip-gateway")

    there = {"sipp": sipp_is_there(), "slixmpp": slixmpp_is_there(), "kamailio": kamailio_path() is not None,
             "prosody": Prosody.is_there(), "ejabberd": Ejabberd.is_there(), "baresip": baresip_is_there(),
             "openssl": openssl_is_there()}
    # slixmpp tells about every connection that ends; what matters here is what the scenarios see.
    logging.getLogger("slixmpp").setLevel(logging.CRITICAL)
    results = Results(gateway, arguments.verbose, arguments.calls or (10_000 if "release" in gateway.parts else 2000))
    playable = []
    for scenario in chosen:
        missing = [MISSING[need] for need in sorted(scenario.needs) if not there[need]]
        if missing:
            results.skip(scenario, "; ".join(missing))
        else:
            playable.append(scenario)
    asyncio.run(play_all(playable, arguments.jobs, results))
    for reason, count in results.skipped.items():
        print(f"{count} skipped: {reason}")
    for name in results.unsteady:
        print(f"passed only when played alone: {name}")
    print(f"{results.passed} passed, {results.failed} failed, {sum(results.skipped.values())} skipped")
    return 1 if results.failed else 0


if __name__ == "__main__":
    sys.exit(main())
