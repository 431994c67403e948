"""A round: one execution of a job, a run for each of its sources and accounts.

orders     what a round is to do
inputs     which files a source means: one, those that match a pattern, those in an inbox
routing    which accounts a source's rows name
going      the round itself: the runs, in their order, and what came of them
keeping    what is removed when its time is over
"""

from bulk_provision.rounds.going import Told, go, gravest, not_begun
from bulk_provision.rounds.inputs import inputs_of
from bulk_provision.rounds.keeping import Keeping, clean_up, note_log
from bulk_provision.rounds.orders import Orders, Routes
from bulk_provision.rounds.routing import Errand, errands_of

__all__ = [
    "Errand",
    "Keeping",
    "Orders",
    "Routes",
    "Told",
    "clean_up",
    "errands_of",
    "go",
    "gravest",
    "inputs_of",
    "not_begun",
    "note_log",
]
