"""A wall clock that is days ahead, for a command that a test starts as on another night.

Python imports a module of this name by itself when it starts, if PYTHONPATH leads to it. Only
`time.time` is shifted: steady clocks go on as they are.
"""

import os
import time

_ahead = float(os.environ.get("SHIFTED_CLOCK_SECONDS", "0"))
_true_time = time.time
time.time = lambda: _true_time() + _ahead
