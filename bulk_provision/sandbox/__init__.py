"""The emulated vendor: TeleCMI's five calls on the loopback interface, with faults on demand.

It shares no code with the client, so that a misreading of the vendor's documentation cannot pass
on both sides.
"""

from bulk_provision.sandbox.errors import SandboxOptionError
from bulk_provision.sandbox.faults import Fault, FaultKind, FaultPlan, FaultRule, Which
from bulk_provision.sandbox.options import CodeForm, CodeIn, Latency, SandboxOptions
from bulk_provision.sandbox.server import Sandbox
from bulk_provision.sandbox.session import run_sandbox
from bulk_provision.sandbox.store import EndpointStore
from bulk_provision.sandbox.vendor import Answer, Arrival, Vendor

__all__ = [
    "Answer",
    "Arrival",
    "CodeForm",
    "CodeIn",
    "EndpointStore",
    "Fault",
    "FaultKind",
    "FaultPlan",
    "FaultRule",
    "Latency",
    "Sandbox",
    "SandboxOptionError",
    "SandboxOptions",
    "Vendor",
    "Which",
    "run_sandbox",
]
