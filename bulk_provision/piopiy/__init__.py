"""TeleCMI PIOPIY's five endpoint calls, and what their answers mean. No other room knows HTTP.

    calls     what is asked and what comes back, as plain data; the seam `Sender`
    judge     an answer → a verdict
    sender    the network, by aiohttp

Facts (the vendor's public documentation): every call is a POST with a JSON body that holds
`appid` (a number) and `secret` (a string). It is documented nowhere whether an error's code comes
as the HTTP status, as the body's `code` ("cmi-400", "400" or 400), or as both: every shape is
understood.
"""

from bulk_provision.piopiy.calls import Call, Kind, Reply, Request, Sender, Verdict
from bulk_provision.piopiy.judge import judge

__all__ = ["Call", "Kind", "Reply", "Request", "Sender", "Verdict", "judge"]
