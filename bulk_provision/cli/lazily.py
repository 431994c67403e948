"""Groups of commands that are imported when they are used: `--help` must answer at once."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Mapping


class LazyGroup(click.Group):
    """A group of commands, each in a module of its own, there called `command`.

    Args:
        package: the modules' package.
        commands: name → (module, one line for --help).
    """

    def __init__(
        self,
        *arguments: Any,  # noqa: ANN401  (click's)
        package: str,
        commands: Mapping[str, tuple[str, str]],
        **options: Any,  # noqa: ANN401  (click's)
    ) -> None:
        super().__init__(*arguments, **options)
        self._package = package
        self._modules = commands

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  (click's signature)
        """Return the names, in the order of the help."""
        return list(self._modules)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import a command; None when there is none of that name."""
        if cmd_name not in self._modules:
            return None
        command = import_module(f"{self._package}.{self._modules[cmd_name][0]}").command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the list without importing anything."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in self._modules.items()])
