"""With real processes: what is under test is that they die, wait and stand back."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import asynccontextmanager

import psutil
import pytest
from argon2 import PasswordHasher
from prometheus_client import REGISTRY

from tests.fixtures.token_core import eventually
from token_core.sessions.hashing_pool import HashingOverloaded, HashingParameters, HashingPool

WEAK = {"memory_kib": 7168, "passes": 1, "wait_seconds": 60.0}


@asynccontextmanager
async def pool_of(**changes):
    pool = HashingPool(HashingParameters(**(WEAK | changes)))
    await pool.start()
    try:
        yield pool
    finally:
        await pool.close()


async def test_a_password_is_verified_by_its_own_hash_only():
    async with pool_of() as pool:
        hashed = await pool.hash("a good password")
        assert hashed.startswith("$argon2id$v=19$m=7168,t=1,p=1$")
        assert (await pool.verify("a good password", hashed, is_known_device=False)).matches
        assert not (await pool.verify("another", hashed, is_known_device=False)).matches
        assert not (await pool.verify("a password that nobody has", None, is_known_device=False)).matches
        assert not (await pool.verify("x", "not a hash", is_known_device=False)).matches


async def test_a_hash_with_other_parameters_is_called_outdated():
    old = PasswordHasher(time_cost=2, memory_cost=8192, parallelism=1).hash("a good password")
    async with pool_of() as pool:
        verified = await pool.verify("a good password", old, is_known_device=True)
        assert verified.matches
        assert verified.outdated


async def test_more_than_the_queue_holds_is_refused_at_once():
    async with pool_of(queue_size=4) as pool:
        jobs = [pool.verify("x", None, is_known_device=False) for _ in range(20)]
        results = await asyncio.gather(*jobs, return_exceptions=True)
        refused = [result for result in results if isinstance(result, HashingOverloaded)]
        assert len(refused) == 16
        assert not (await pool.verify("x", None, is_known_device=False)).matches, "and then there is room again"


async def test_what_waits_is_a_gauge_and_comes_down_to_nothing():
    async with pool_of(queue_size=8) as pool:
        jobs = [asyncio.create_task(pool.verify("x", None, is_known_device=False)) for _ in range(6)]
        await asyncio.sleep(0)
        assert waiting("unknown") >= 5
        await asyncio.gather(*jobs)
        assert waiting("unknown") == waiting("known") == 0


def waiting(lane: str) -> float:
    return REGISTRY.get_sample_value("token_core_hashing_waiting", {"lane": lane}) or 0.0


async def test_known_devices_have_a_lane_of_their_own_and_go_first():
    async with pool_of(queue_size=8) as pool:
        order: list[str] = []

        async def one(name: str, *, is_known: bool) -> None:
            await pool.verify("x", None, is_known_device=is_known)
            order.append(name)

        strangers = [one("stranger", is_known=False) for _ in range(8)]
        await asyncio.gather(*strangers, one("owner", is_known=True))
        assert order.index("owner") <= 1, "at most the one whose hash had begun was before"


async def test_who_waited_too_long_is_told_so():
    async with pool_of(queue_size=50, passes=20, memory_kib=65536, wait_seconds=0.05) as pool:
        jobs = [pool.verify("x", None, is_known_device=False) for _ in range(20)]
        results = await asyncio.gather(*jobs, return_exceptions=True)
        assert any(isinstance(result, HashingOverloaded) for result in results)


async def test_a_job_survives_the_process_that_had_it():
    async with pool_of(passes=20, memory_kib=65536) as pool:
        (pid,) = pool.pids
        job = asyncio.create_task(pool.verify("x", None, is_known_device=False))
        await asyncio.sleep(0)
        os.kill(pid, signal.SIGKILL)
        assert not (await job).matches
        assert pool.pids != (pid,)


async def test_the_processes_stand_back_and_end_with_the_pool():
    async with pool_of(processes=2, nice=12) as pool:
        processes = [psutil.Process(pid) for pid in pool.pids]
        assert len(processes) == 2
        eventually(lambda: all(process.nice() >= 12 for process in processes), "both stand back")
    assert not any(process.is_running() for process in processes)
    with pytest.raises(HashingOverloaded):
        await HashingPool(HashingParameters(**WEAK)).verify("x", None, is_known_device=True)
