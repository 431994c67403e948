"""The crash matrix in short: `make crash` kills hundreds of times, the suite about a dozen."""

import random

import pytest

from bulk_provision.failpoints import POINTS
from crashes import Kill, at_random, survive


@pytest.mark.parametrize(
    "point",
    [
        "intent-committing",
        "intent-committed",
        "request-sent",
        "read-back-sent",
        "answer-received",
        "outcome-committing",
        "outcome-committed",
        "results-writing",
        "lease-returning",
    ],
)
async def test_killed_at_a_step_of_a_rows_life(point):
    assert point in POINTS
    assert await survive([Kill(point)]) == 1


async def test_killed_at_random_moments():
    assert await survive(next(at_random(random.Random(7)))) >= 1
