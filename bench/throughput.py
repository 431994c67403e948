"""Figure 2: rows a second without a limit, against a bare aiohttp loop that only posts.

Both post the same bodies to the same vendor, in one process, on one event loop, with the same
concurrency (`side_by_side.py`). They take turns, since a machine is never quite the same for long:
each run is compared with the bare loops before and after it, and the median of these ratios counts.
"""

import json
import subprocess
import sys
from itertools import pairwise
from statistics import mean, median

from figures import at_least, told
from stage import BENCH


def measure(vendor, folder, *, concurrencies, rows, rounds):
    """Yield the figures.

    Args:
        vendor: takes the calls.
        folder: for the runs' files.
        concurrencies: calls under way at the same time.
        rows: in each run.
        rounds: runs for each concurrency.
    """
    for concurrency in concurrencies:
        place = folder / f"throughput-{concurrency}"
        place.mkdir()
        numbers = (str(concurrency), str(rows), str(rounds))
        # A process of its own: what is imported there must not weigh on the other figures.
        program = [sys.executable, BENCH / "side_by_side.py", vendor.base_url, place, *numbers]
        bare, runs = json.loads(subprocess.check_output(program))
        assert len(vendor.arrivals()) == rows * (len(bare) + len(runs))
        ratios = [run / mean(around) for run, around in zip(runs, pairwise(bare), strict=True)]
        name = f"2  no limit, {concurrency} at once"
        spread = f"{median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        yield at_least(f"{name}: run / bare loop", 0.6, median(ratios), spread, hoped_for=0.8)
        yield told(f"{name}: run", median(runs), f"{median(runs):,.0f} rows/s")
        yield told(f"{name}: bare loop", median(bare), f"{median(bare):,.0f} posts/s")
