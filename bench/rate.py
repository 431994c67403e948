"""Figure 1: the configured rate, as the vendor sees it.

The command runs with `--rate N` for some seconds; what counts is when its calls arrive: how many
in the worst second, how much of the rate was used between the first and the last of them, and how
even they were.
"""

from itertools import pairwise

from figures import at_least, at_most, told
from stage import command, write_source


def measure(vendor, folder, *, rates, seconds):
    """Yield the figures.

    Args:
        vendor: takes the calls.
        folder: for the runs' files.
        rates: calls a second.
        seconds: how long each of them is kept up.
    """
    for rate in rates:
        place = folder / f"rate-{rate}"
        place.mkdir()
        source = write_source(place / "users.csv", rows=int(rate * seconds) + 1)
        vendor.arrivals()
        command(place, source, vendor.base_url, "--rate", str(rate))
        yield from seen(rate, vendor.arrivals())


def seen(rate, arrivals):
    """Yield what arrival times say of a rate."""
    span = arrivals[-1] - arrivals[0]
    share = (len(arrivals) - 1) / span / rate
    gap = max(after - before for before, after in pairwise(arrivals))
    worst, slot = busiest(arrivals, 1.0), busiest(arrivals, 0.1)
    name = f"1  rate {rate}/s for {span:.1f} s"
    yield at_most(f"{name}: calls in the worst second", rate, worst, f"{worst}")
    yield at_least(f"{name}: share of the rate used", 0.97, share, f"{share:.4f}", hoped_for=0.99)
    evenness = f"{gap * 1000:.0f} ms (even: {1000 / rate:.0f} ms)"
    yield told(f"{name}: largest gap", gap, evenness)
    yield told(f"{name}: calls in the worst 100 ms", slot, f"{slot} (even: {rate / 10:g})")


def busiest(arrivals, window):
    """Return the largest number of arrivals in any [t, t + window)."""
    first = most = 0
    for last, moment in enumerate(arrivals):
        while arrivals[first] <= moment - window:
            first += 1
        most = max(most, last - first + 1)
    return most
