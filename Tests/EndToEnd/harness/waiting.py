"""Waiting for something to be true, with an end."""

from __future__ import annotations

import asyncio
from typing import Callable, TypeVar

Value = TypeVar("Value")


class Waiters:
    """Those who wait for a record to grow."""

    def __init__(self) -> None:
        self._news = asyncio.Event()

    def wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    async def until(self, look: Callable[[], Value | None], timeout: float, what: str) -> Value:
        """What `look` finds, as soon as it finds something; looks again whenever the record has grown."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        while True:
            found = look()
            if found is not None:
                return found
            news = self._news
            try:
                await asyncio.wait_for(news.wait(), deadline - loop.time())
            except asyncio.TimeoutError:
                raise AssertionError(f"within {timeout:g} s nothing was seen of: {what}") from None


async def condition_of(condition: Callable[[], object], timeout: float, what: str) -> None:
    """Waits until something holds that nobody tells about: looks again every 10 ms."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout
    while not condition():
        if loop.time() > deadline:
            raise AssertionError(f"within {timeout:g} s nothing was seen of: {what}")
        await asyncio.sleep(0.01)
