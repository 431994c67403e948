"""The sandbox as a server on the loopback interface."""

from __future__ import annotations

import json
from types import TracebackType
from typing import Self

from aiohttp import web

from bulk_provision.sandbox.errors import SandboxOptionError
from bulk_provision.sandbox.faults import FaultPlan
from bulk_provision.sandbox.gateway import Gateway
from bulk_provision.sandbox.options import SandboxOptions
from bulk_provision.sandbox.store import EndpointStore
from bulk_provision.sandbox.vendor import CALLS, Vendor

HOST = "127.0.0.1"  # never anything else: it tells its passwords to everybody who asks

# A call that is still waiting (latency, a slow fault) when the sandbox stops is given up at once.
_PATIENCE = 0.01


class Sandbox:
    """The emulated vendor, listening while the context is open.

        async with Sandbox(SandboxOptions(limit=50)) as sandbox:
            ... call sandbox.base_url ...
            assert sandbox.vendor.endpoints == {"ada": "…"}

    What it holds can be looked at over HTTP too, without a secret:

        GET  /_sandbox/endpoints   {username: password}
        GET  /_sandbox/created     {username: times created}
        GET  /_sandbox/calls       [{"at", "call", "username", "code", "status", "fault"}, …]
        GET  /_sandbox/faults      {"faults": [text, …], "seed": number}
        POST /_sandbox/faults      the same object: another plan from now on, counting from 1

    Args:
        options: what it is like.
        port: where to listen; 0 for a free port.

    Raises:
        SandboxOptionError: on entering, when the port or the state file cannot be used.
    """

    def __init__(self, options: SandboxOptions | None = None, *, port: int = 0) -> None:
        self.options = options or SandboxOptions()
        self.port = port
        self._store: EndpointStore | None = None
        self._runner: web.AppRunner | None = None

    @property
    def origin(self) -> str:
        """Scheme, host and port, where the inspection routes are."""
        return f"http://{HOST}:{self.port}"

    @property
    def base_url(self) -> str:
        """What a client's base URL must be."""
        return f"{self.origin}/v1/endpoint"

    @property
    def faults(self) -> FaultPlan:
        """The faults that are being carried out."""
        return self._gateway.plan

    @faults.setter
    def faults(self, plan: FaultPlan) -> None:
        """Carry out another plan from now on, counting from 1 again."""
        self._gateway.plan = plan

    async def __aenter__(self) -> Self:
        options = self.options
        self._store = EndpointStore(options.state_file, options.existing)
        self.vendor = Vendor(options.appid, options.secret, self._store)
        self._gateway = Gateway(self.vendor, options)
        self._runner = web.AppRunner(
            self._application(), access_log=None, shutdown_timeout=_PATIENCE
        )
        try:
            await self._listen(self._runner)
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stop()

    async def _listen(self, runner: web.AppRunner) -> None:
        await runner.setup()
        try:
            await web.TCPSite(runner, HOST, self.port, backlog=1024).start()
        except (OSError, OverflowError) as error:
            raise SandboxOptionError(
                f"the sandbox cannot listen on port {self.port} ({error}); "
                "name another port, or 0 for a free one"
            ) from error
        self.port = runner.addresses[0][1]

    async def _stop(self) -> None:
        """Stop listening; what the vendor holds can still be looked at."""
        if self._runner is not None:
            await self._runner.cleanup()
        if self._store is not None:
            self._store.close()

    def _application(self) -> web.Application:
        application = web.Application()
        router = application.router
        for call in CALLS:
            router.add_post(f"/v1/endpoint/{call}", self._gateway.take)
        router.add_get("/_sandbox/endpoints", self._tell_endpoints)
        router.add_get("/_sandbox/created", self._tell_created)
        router.add_get("/_sandbox/calls", self._tell_calls)
        router.add_get("/_sandbox/faults", self._tell_faults)
        router.add_post("/_sandbox/faults", self._take_faults)
        router.add_route("*", "/{path:.*}", self._gateway.refuse)
        return application

    async def _tell_endpoints(self, _request: web.Request) -> web.Response:
        return web.json_response(dict(self.vendor.endpoints))

    async def _tell_created(self, _request: web.Request) -> web.Response:
        return web.json_response(dict(self.vendor.created))

    async def _tell_calls(self, _request: web.Request) -> web.Response:
        return web.json_response([arrival.as_json() for arrival in self.vendor.arrivals])

    async def _tell_faults(self, _request: web.Request) -> web.Response:
        return web.json_response({"faults": self.faults.texts, "seed": self.faults.seed})

    async def _take_faults(self, request: web.Request) -> web.Response:
        try:
            asked = json.loads(await request.read())
            self.faults = FaultPlan.parse(*map(str, asked["faults"]), seed=int(asked["seed"]))
        except SandboxOptionError as error:
            return web.json_response({"error": str(error)}, status=400)
        except (ValueError, TypeError, KeyError):
            wanted = 'send a JSON object such as {"faults": ["drop-after-commit@3"], "seed": 0}'
            return web.json_response({"error": wanted}, status=400)
        return await self._tell_faults(request)
