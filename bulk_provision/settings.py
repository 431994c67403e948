"""Settings: defaults < job file < environment < flags. Secrets are masked values."""

from __future__ import annotations

import ipaddress
import os
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar
from urllib.parse import urlsplit

import platformdirs
from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from bulk_provision.errors import UsageError
from bulk_provision.model import Account, OnExists, Pace, Secret, WeakPasswords

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pydantic_core import ErrorDetails

ENV_PREFIX = "BULK_PROVISION_"
_SECRET_LIMIT = 4096  # characters that are read of a file with a secret: it may be any file
DEFAULT_BASE_URL = "https://piopiy.telecmi.com/v1/endpoint"


def default_ledger() -> str:
    """Return the path of the ledger in the user's data directory."""
    return str(Path(platformdirs.user_data_dir("bulk-provision")) / "ledger.db")


class Settings(BaseSettings):
    """Everything that can be set, by any of the ways; the flags have the same names."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX, extra="forbid", hide_input_in_errors=True, populate_by_name=True
    )
    job: ClassVar[dict[str, Any]] = {}

    source: str | None = None
    output: str | None = None
    sheet: str | None = None
    encoding: str | None = None
    source_password_env: str | None = None
    map: Annotated[dict[str, str], NoDecode] = Field(default_factory=dict)
    appid: int | None = Field(default=None, ge=0, lt=2**63)  # what a database can hold
    secret: SecretStr | None = None
    secret_file: Path | None = None
    allow_insecure: bool = False  # before base_url, whose check needs it
    base_url: str = DEFAULT_BASE_URL
    rate: float = Field(default=10.0, ge=0, allow_inf_nan=False)
    concurrency: int = Field(default=10, ge=1, le=2000)
    attempts: int = Field(default=5, ge=1, le=100)
    timeout: float = Field(default=30.0, gt=0, le=3600)
    connect_timeout: float = Field(default=10.0, gt=0, le=3600)
    settle: float = Field(default=5.0, ge=0, le=3600)
    patience: float = Field(default=120.0, ge=0, le=86_400)
    ledger: str = Field(default_factory=default_ledger)
    key: SecretStr | None = None
    on_exists: OnExists = OnExists.SKIP
    recheck: bool = False
    weak_passwords: WeakPasswords = WeakPasswords.WARN
    allow_username: str = ""
    password_length: int = Field(default=20, ge=1, le=128)
    password_alphabet: str | None = None
    lease_seconds: float = Field(default=30.0, ge=1, le=3600)
    wait: float = Field(default=0.0, ge=0)
    csv: bool = False
    annotate: bool = False
    protect: bool | None = None  # None: as the next two say
    protect_password_env: str | None = None
    protect_password_file: Path | None = None
    json_: bool = Field(default=False, validation_alias="BULK_PROVISION_JSON")  # "json" is taken
    quiet: bool = False
    yes: bool = False

    @field_validator("map", mode="before")
    @classmethod
    def _pairs(cls, value: Any) -> Any:  # noqa: ANN401  (whatever the environment or TOML gives)
        """Read FIELD=COLUMN pairs, separated by commas in the environment."""
        if isinstance(value, str):
            value = [part for part in value.split(",") if part.strip()]
        if isinstance(value, list | tuple):
            pairs = [str(pair).partition("=") for pair in value]
            if any(
                not (name.strip() and equals and column.strip()) for name, equals, column in pairs
            ):
                raise ValueError("write FIELD=COLUMN, such as username='SIP user'")
            mapping = {name.strip(): column.strip() for name, _, column in pairs}
            if len(mapping) != len(pairs):
                raise ValueError("a field is named twice")
            return mapping
        return value

    @field_validator("base_url")
    @classmethod
    def _only_safe_addresses(cls, value: str, info: ValidationInfo) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
            raise ValueError("write an address such as " + DEFAULT_BASE_URL)
        if parts.username is not None or parts.query or parts.fragment:
            raise ValueError("an address has no user, no ? and no # here")
        if parts.scheme == "http" and not (
            info.data.get("allow_insecure") or _is_loopback(parts.hostname)
        ):
            raise ValueError(
                "it is http://, so passwords would travel unencrypted; use https:// "
                "(or --allow-insecure, if you really mean it)"
            )
        return value.rstrip("/")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  (none is read)
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003  (nor these)
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags first, then the environment, then the job file."""
        return init_settings, env_settings, InitSettingsSource(settings_cls, dict(cls.job))

    def pace(self) -> Pace:
        """Return the limits; a rate of 0 means none."""
        return Pace(
            rate=self.rate or None,
            concurrency=self.concurrency,
            attempts=self.attempts,
            timeout=self.timeout,
            connect_timeout=self.connect_timeout,
            settle=self.settle,
            patience=self.patience,
        )


def load_settings(flags: Mapping[str, Any], job_file: Path | None = None) -> Settings:
    """Read settings from flags, environment and job file.

    Args:
        flags: the flags that were given; absent ones are not in it.
        job_file: a TOML file with the same names; its relative paths are relative to its folder.

    Raises:
        UsageError: a value is wrong, or a job file cannot be read; says which and where.
    """
    job = {} if job_file is None else _read_job(job_file)
    loaded = type("LoadedSettings", (Settings,), {"job": job, "__module__": __name__})
    try:
        settings = loaded(**flags)
    except ValidationError as problem:
        told = [_told(error, flags, job, job_file) for error in problem.errors()]
        raise UsageError("\n".join(told), "See bulk-provision run --help") from None
    assert isinstance(settings, Settings)
    if settings.secret is not None and not _is_given("secret_file", flags):
        settings.secret_file = None  # the environment goes before the job file
    _choose_password_source(settings, flags)
    return settings


def _choose_password_source(settings: Settings, flags: Mapping[str, Any]) -> None:
    """Let the way that goes first decide where the results' password comes from, if anywhere."""

    def place(name: str) -> int:
        return 0 if name in flags else 1 if _is_given(name, flags) else 2

    names = ("protect_password_env", "protect_password_file")
    given = [name for name in names if getattr(settings, name) is not None]
    first = min(map(place, given), default=2)
    kept = [name for name in given if place(name) == first]
    if len(kept) > 1:
        raise UsageError(
            "The password for the results is to come from a variable and from a file.",
            "Leave one of protect_password_env and protect_password_file away.",
        )
    for name in set(given).difference(kept):
        setattr(settings, name, None)
    # Who names a password wants it used, unless protection is put out in the same way or a firmer.
    if settings.protect is None or (kept and first < place("protect")):
        settings.protect = bool(kept)


def account_of(settings: Settings, ask: Callable[[], str] | None) -> Account:
    """Return the account that settings name.

    Args:
        settings: with appid, and secret or secret_file.
        ask: prompts for the secret; None when there is nobody to ask.

    Raises:
        UsageError: the app id or the secret is missing, or the secret's file cannot be read.
    """
    if settings.appid is None:
        raise UsageError(
            "The app id of the TeleCMI account is missing.",
            f"Give --appid N, or set {ENV_PREFIX}APPID.",
        )
    secret = _secret(settings) or (ask() if ask else "")
    if not secret:
        raise UsageError(
            "The secret of the TeleCMI account is missing.",
            f"Set {ENV_PREFIX}SECRET, or give --secret-file FILE (never the secret itself as a "
            "flag: other users of the machine could see it).",
        )
    return Account(settings.appid, Secret(secret), settings.base_url)


def source_password(settings: Settings) -> Secret | None:
    """Return the password of a protected source; None when the user named none.

    Raises:
        UsageError: the environment variable that was named is not set.
    """
    name = settings.source_password_env
    return None if name is None else secret_of_variable("source_password_env", name)


def secret_of_variable(setting: str, name: str) -> Secret:
    """Return the secret that an environment variable holds.

    Args:
        setting: which names the variable, for the error.
        name: the variable's. Somebody may have given the secret itself: it is not repeated.

    Raises:
        UsageError: there is no such variable.
    """
    if not (name.isascii() and name.isidentifier()):
        raise UsageError(
            f"{setting} is to be the name of an environment variable, such as SHEET_PASSWORD.",
            "Put the password into that variable.",
        )
    if name not in os.environ:
        raise UsageError(
            f"The environment variable that {setting} names is not set.",
            "Set and export it, or name another one.",
        )
    return Secret(os.environ[name])


def text_of_secret_file(path: Path, what: str) -> str:
    """Return what a file holds that is to be kept secret.

    Args:
        path: the file's.
        what: it is, for the error.

    Raises:
        UsageError: it cannot be read, or is not text.
    """
    try:
        with path.expanduser().open(encoding="utf-8-sig") as file:
            return file.read(_SECRET_LIMIT)
    except OSError as problem:
        raise UsageError(
            f"The file {path} with {what} cannot be read: {problem.strerror}.",
            "Check its path, owner and mode.",
        ) from problem
    except UnicodeDecodeError:  # which would quote from it
        raise UsageError(f"The file {path} with {what} is not text.") from None


def _secret(settings: Settings) -> str:
    if settings.secret_file is None:
        return settings.secret.get_secret_value() if settings.secret else ""
    secret = text_of_secret_file(settings.secret_file, "the account's secret").strip()
    if not secret:
        raise UsageError(f"The file {settings.secret_file} with the account's secret is empty.")
    return secret


def _read_job(path: Path) -> dict[str, Any]:
    try:
        job = tomllib.loads(path.read_text("utf-8"))
    except OSError as problem:
        raise UsageError(f"The job file {path} cannot be read: {problem.strerror}.") from problem
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise UsageError(f"The job file {path} is not TOML: {problem}.") from problem
    for name in job.keys() & {"secret", "key"}:
        raise UsageError(
            f"The job file {path} holds a secret ({name}).",
            f"Name a file instead (secret_file), or set {ENV_PREFIX}{name.upper()}.",
        )
    for name in job.keys() & _PATHS:
        if isinstance(job[name], str) and "://" not in job[name] and job[name] != "-":
            job[name] = str(path.parent / Path(job[name]).expanduser())
    if "json" in job:
        job["json_"] = job.pop("json")
    return job


_PATHS = {"source", "output", "secret_file", "protect_password_file", "ledger"}


def _told(
    error: ErrorDetails, flags: Mapping[str, Any], job: Mapping[str, Any], job_file: Path | None
) -> str:
    """Say which setting is wrong, by the name under which it was given."""
    name = str(error["loc"][0]).removeprefix(ENV_PREFIX).lower().rstrip("_")
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        return f"{job_file}: there is no setting {name!r}."
    fields = {name, f"{name}_"}  # the field of "json" is "json_"
    if fields & flags.keys():
        return f"--{name.replace('_', '-')}: {message}."
    if fields & job.keys() and not _is_given(name, flags):
        return f"{job_file}: {name}: {message}."
    return f"{ENV_PREFIX}{name.upper()}: {message}."


def _is_given(name: str, flags: Mapping[str, Any]) -> bool:
    """Tell whether a setting comes from a flag or from the environment."""
    return name in flags or f"{ENV_PREFIX}{name}".upper() in map(str.upper, os.environ)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
