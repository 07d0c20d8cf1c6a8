"""Signals reach a loop whose pipe for wake-ups is full, once each; afterwards all is as before."""

from __future__ import annotations

import asyncio
import os
import signal

from champ_offline.registry.signals import heard

# More than any socket pair keeps.
WAKE_UPS = 20_000


async def _told(number: signal.Signals, *, busy: bool) -> int:
    told = 0

    def act() -> None:
        nonlocal told
        told += 1

    loop = asyncio.get_running_loop()
    with heard({number: act}):
        for _ in range(WAKE_UPS if busy else 0):
            loop.call_soon_threadsafe(lambda: None)
        os.kill(os.getpid(), number)
        async with asyncio.timeout(20):
            while not told:
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
    return told


def test_a_signal_is_heard_while_the_loop_cannot_be_woken() -> None:
    assert asyncio.run(_told(signal.SIGTERM, busy=True)) == 1


def test_a_signal_wakes_an_idle_loop() -> None:
    assert asyncio.run(_told(signal.SIGHUP, busy=False)) == 1


def test_what_was_set_before_holds_again() -> None:
    before = signal.getsignal(signal.SIGTERM)
    asyncio.run(_told(signal.SIGTERM, busy=False))
    assert signal.getsignal(signal.SIGTERM) == before
