"""A hardened service and its timer: see systemd.exec(5), systemd.timer(5)."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from bulk_provision.errors import UsageError
from bulk_provision.setting_up.hardening import FOR_SYSTEM, FOR_USER
from bulk_provision.setting_up.needs import folders_written, secrets_needed
from bulk_provision.setting_up.placing import heading, in_one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bulk_provision.setting_up.command import Command
    from bulk_provision.settings import Settings
    from bulk_provision.settings.moments import Schedule

STATE_FOLDER = Path("/var/lib/bulk-provision")
_HOMES = ("/home", "/root", "/run/user")
_TEMPORARY = ("/tmp", "/var/tmp")  # noqa: S108  (where paths of the job may lie)
_CREDENTIAL_NAME = 255  # characters at most
_AFTER_CALLS = 60  # seconds for the results, when the calls under way have ended


class Units(NamedTuple):
    """What systemd is given, and what is to be done to have it used.

    Args:
        service: the text of NAME.service.
        timer: the text of NAME.timer.
        steps: commands for the administrator, in their order.
    """

    service: str
    timer: str
    steps: tuple[str, ...]


def units(
    settings: Settings,
    job: Path,
    command: Command,
    schedule: Schedule,
    *,
    name: str,
    user: str | None,
) -> Units:
    """Return a service and a timer for a job.

    Args:
        settings: of the job.
        job: the job file.
        command: how the program is started.
        schedule: when.
        name: of the units, without `.service`.
        user: whom the job runs as; None: units of the user's own service manager.

    Raises:
        UsageError: a path cannot stand in a unit, or two secrets would have one name.
    """
    service = _Service(settings, job.absolute(), command, name, user)
    return Units(service.text(), _timer(settings, schedule, name), tuple(service.steps()))


class _Service:
    def __init__(
        self, settings: Settings, job: Path, command: Command, name: str, user: str | None
    ) -> None:
        self._settings = settings
        self._job = job
        self._command = command
        self._name = name
        self._user = user
        self._folders = list(dict.fromkeys(path for _, path in folders_written(settings)))
        self._own_ledger = user is not None and "ledger" not in settings.model_fields_set
        if self._own_ledger:  # each user has one of his own, but whose would this be?
            own = dict(folders_written(settings))["ledger"]
            self._folders = [path for path in self._folders if path != own]
        self._credentials = [] if user is None else list(_credentials(settings))
        self._variables = list(_variables(settings))

    def text(self) -> str:
        settings = self._settings
        run = [*self._command.words, "run", "--job", str(self._job)]
        lines = [
            heading(settings.name),
            "[Unit]",
            f"Description=bulk-provision: job {in_one_line(settings.name).replace('%', '%%')}",
        ]
        if self._user is not None:
            lines += ["Wants=network-online.target", "After=network-online.target"]
        lines += [
            "",
            "[Service]",
            "Type=oneshot",
            f"ExecStart={' '.join(_argument(word) for word in run)}",
            *self._who_and_what(),
            "# 1: some rows need a person, who is told; 7: the deadline passed, the next run",
            "# continues; 143: it was stopped. The job is in order in each case.",
            "SuccessExitStatus=1 7 143",
            "TimeoutStartSec=infinity",
            "# SIGTERM stops sending; what is under way may end, and the results are written.",
            "KillMode=mixed",
            "KillSignal=SIGTERM",
            f"TimeoutStopSec={settings.timeout + settings.connect_timeout + _AFTER_CALLS:.0f}",
            "",
            *(FOR_USER if self._user is None else self._shut_in()),
        ]
        return "\n".join([*lines, ""])

    def _who_and_what(self) -> Iterator[str]:
        if self._user is not None:
            yield f"User={self._user}"
        if self._own_ledger:
            yield f"StateDirectory={STATE_FOLDER.name}"
            yield "StateDirectoryMode=0700"
            yield f"Environment=BULK_PROVISION_LEDGER={STATE_FOLDER / 'ledger.db'}"
        elif "BULK_PROVISION_LEDGER" in os.environ:
            yield f"Environment={_word('BULK_PROVISION_LEDGER=' + self._settings.ledger)}"
        for path in self._credentials:
            yield f"LoadCredential={path.name}:{_checked(str(path)).replace('%', '%%')}"
        if self._variables:
            yield f"# holds {', '.join(self._variables)}; mode 0600"
            yield f"EnvironmentFile={_checked(str(self._environment_file)).replace('%', '%%')}"

    @property
    def _environment_file(self) -> Path:
        folder = Path("/etc") if self._user is not None else Path.home() / ".config"
        return folder / "bulk-provision" / f"{self._name}.env"

    def _shut_in(self) -> Iterator[str]:
        """Yield what it may see and write to, and the rest of the hardening."""
        reads = [self._job, *self._command.folders, *map(Path, self._command.words[:1])]
        if self._settings.source not in (None, "-"):
            reads.append(Path(str(self._settings.source)).absolute())
        if self._settings.accounts_file is not None:
            reads.append(self._settings.accounts_file.absolute())
        paths = [*self._folders, *reads]
        yield "# What it may write to; all else is read-only."
        yield "ProtectSystem=strict"
        if self._folders:
            words = " ".join(_word(str(path)) for path in _outermost(self._folders))
            yield f"ReadWritePaths={words}"
        yield f"ProtectHome={'read-only' if _any_below(paths, _HOMES) else 'yes'}"
        if _any_below(paths, _TEMPORARY):
            yield "# The job has paths in /tmp or /var/tmp."
        yield f"PrivateTmp={'no' if _any_below(paths, _TEMPORARY) else 'yes'}"
        yield from FOR_SYSTEM

    def steps(self) -> Iterator[str]:
        """Yield the commands that are left for the administrator."""
        manage = "systemctl" if self._user is not None else "systemctl --user"
        owner = "" if self._user is None else f"-o {self._user} "
        if self._user is not None and not _is_known(self._user):
            options = f"--system --home-dir {STATE_FOLDER} --shell /usr/sbin/nologin"
            yield f"useradd {options} {self._user}"
        for folder in _outermost(self._folders):
            if not folder.is_dir():
                yield f"install -d {owner}-m 0750 {shlex.quote(str(folder))}"
        if self._variables and not self._environment_file.exists():
            path = shlex.quote(str(self._environment_file))
            yield f"install -D -m 0600 /dev/null {path}  # and write {', '.join(self._variables)}"
        yield f"{manage} daemon-reload"
        if self._user is not None:
            yield self._doctor()
        yield f"{manage} enable --now {self._name}.timer"

    def _doctor(self) -> str:
        """Return a command that looks at everything as the service will see it."""
        options = [f"User={self._user}"]
        options += [f"LoadCredential={path.name}:{path}" for path in self._credentials]
        if self._own_ledger:
            options += [f"Environment=BULK_PROVISION_LEDGER={STATE_FOLDER / 'ledger.db'}"]
            options += [f"StateDirectory={STATE_FOLDER.name}", "StateDirectoryMode=0700"]
        if self._variables:
            options.append(f"EnvironmentFile={self._environment_file}")
        run = ["systemd-run", "--pipe", "--wait", "--quiet"]
        for option in options:
            run += ["-p", option]
        return shlex.join([*run, *self._command.words, "doctor", "--job", str(self._job)])


def _timer(settings: Settings, schedule: Schedule, name: str) -> str:
    days = ""
    if len(schedule.days) < 7:
        days = ",".join(day.capitalize() for day in schedule.days) + " "
    return "\n".join(
        (
            heading(settings.name),
            "[Unit]",
            f"Description=When the job {in_one_line(settings.name).replace('%', '%%')} is due",
            "",
            "[Timer]",
            f"OnCalendar={days}*-*-* {schedule.hour:02}:{schedule.minute:02}:00",
            "# A machine that was down then starts the job when it is up again.",
            "Persistent=true",
            "RandomizedDelaySec=1min",
            f"Unit={name}.service",
            "",
            "[Install]",
            "WantedBy=timers.target",
            "",
        )
    )


def _credentials(settings: Settings) -> Iterator[Path]:
    """Yield the secret files that systemd passes on; the service reads each by its name."""
    by_name: dict[str, Path] = {}
    for key, reference in secrets_needed(settings):
        if reference.kind != "file":
            continue
        path = Path(reference.place).expanduser().absolute()
        if not (path.name.isascii() and path.name.isprintable() and ":" not in path.name):
            raise UsageError(
                f"{key}: systemd cannot pass on a secret whose file is called {path.name!r}.",
                "Rename it: ASCII letters, digits, - and _.",
            )
        other = by_name.setdefault(path.name, path)
        if other != path:
            raise UsageError(
                f"{other} and {path} are two secrets, and systemd passes them on by the file's "
                f"name: the service could not tell them apart ({key}).",
                "Rename one of the two.",
            )
    yield from by_name.values()


def _variables(settings: Settings) -> Iterator[str]:
    """Yield the environment variables that the job reads secrets from."""
    for _, reference in secrets_needed(settings):
        if reference.kind == "env":
            yield reference.place
    if settings.secret is not None:
        yield "BULK_PROVISION_SECRET"
    if settings.key is not None:
        yield "BULK_PROVISION_KEY"


def _outermost(folders: Iterable[Path]) -> list[Path]:
    """Leave away folders that lie in another one of them."""
    known = set(folders)
    return [path for path in folders if known.isdisjoint(path.parents)]


def _any_below(paths: Iterable[Path], roots: Iterable[str]) -> bool:
    real = [one for path in paths for one in (path, Path(os.path.realpath(path)))]
    return any(path.is_relative_to(root) for path in real for root in roots)


def _is_known(user: str) -> bool:
    import pwd  # noqa: PLC0415  (there is none on Windows)

    try:
        pwd.getpwnam(user)
    except KeyError:
        return False
    return True


def _checked(text: str) -> str:
    """Refuse what no quoting brings through all of systemd's settings alike."""
    if not text.isprintable() or '"' in text or "\\" in text:
        raise UsageError(
            f"{text!r} has a character that cannot stand in a unit of systemd.", "Rename it."
        )
    return text


def _word(text: str) -> str:
    """Return one word of a list."""
    text = _checked(text).replace("%", "%%")
    return f'"{text}"' if any(char in text for char in " ';#") else text


def _argument(text: str) -> str:
    """Return one argument of a command, in which $ would name a variable."""
    return _word(text).replace("$", "$$")
