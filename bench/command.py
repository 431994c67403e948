"""The real command, with a stopwatch round the writing of the results.

python bench/command.py REPORT.json run SOURCE …
"""

import json
import sys
import time
from pathlib import Path

from bulk_provision import finishing
from bulk_provision.__main__ import main

spent = {"writing": 0.0}
write_results = finishing.write_results


def timed(*args, **kwargs):
    """Write the results; note the seconds."""
    began = time.perf_counter()
    try:
        return write_results(*args, **kwargs)
    finally:
        spent["writing"] += time.perf_counter() - began


report = Path(sys.argv.pop(1))
finishing.write_results = timed
try:
    main()
finally:
    report.write_text(json.dumps(spent))
