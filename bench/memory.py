"""Figure 3: the peak memory of the whole command, for few rows and for many."""

from figures import at_most, told
from stage import command, write_source

MIB = 1 << 20


def measure(vendor, folder, *, few, many):
    """Yield the figures: peak resident memory for two numbers of rows, and how they compare."""
    peaks = {}
    for rows in (few, many):
        place = folder / f"memory-{rows}"
        place.mkdir()
        source = write_source(place / "users.csv", rows)
        ended = command(place, source, vendor.base_url, "--rate", "0")
        assert ended.summary["outcomes"]["created"] == len(vendor.arrivals()) == rows
        peaks[rows] = ended.peak
        name = f"3  {rows:,} CSV rows: peak memory"
        yield told(name, ended.peak, f"{ended.peak / MIB:.0f} MiB")
    ratio = peaks[many] / peaks[few]
    yield at_most(f"3  memory for {many:,} rows / for {few:,}", 1.5, ratio, f"{ratio:.2f}")
