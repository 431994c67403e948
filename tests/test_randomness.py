"""Random bytes are never given out twice: not to two threads, not to a forked child."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from bulk_provision.randomness import random_bytes


@pytest.mark.parametrize("count", [0, 1, 12, 16, 17, 40, 5000])
def test_as_many_bytes_are_given_as_asked_for(count):
    assert len(random_bytes(count)) == count


def test_no_two_threads_get_the_same():
    with ThreadPoolExecutor(8) as pool:
        drawn = list(pool.map(lambda _: random_bytes(16), range(20_000)))
    assert len(set(drawn)) == len(drawn)


def test_a_forked_child_gets_others_than_its_parent():
    random_bytes(1)  # so that there is a stock to inherit
    reading, writing = os.pipe()
    if (child := os.fork()) == 0:
        os.write(writing, random_bytes(16 * 200))
        os._exit(0)
    os.close(writing)
    mine = random_bytes(16 * 200)
    with os.fdopen(reading, "rb") as pipe:
        theirs = pipe.read()
    os.waitpid(child, 0)
    assert len(theirs) == len(mine)
    assert {mine[at : at + 16] for at in range(0, len(mine), 16)}.isdisjoint(
        theirs[at : at + 16] for at in range(0, len(theirs), 16)
    )
