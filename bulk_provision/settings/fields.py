"""Every setting, with its default and its bounds; the flags have the same names."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, ClassVar

import platformdirs
from pydantic import Field, SecretStr, WithJsonSchema, field_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from bulk_provision.model import Limit, OnExists, Pace, Reconcile, WeakPasswords
from bulk_provision.settings.accounts import DEFAULT_BASE_URL, AccountEntry, BaseUrl
from bulk_provision.settings.moments import Deadline, Schedule

ENV_PREFIX = "BULK_PROVISION_"
_PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*%")


class Pick(StrEnum):
    """Which of the files that a glob matches are read."""

    NEWEST = "newest"
    ALL = "all"


class Include(StrEnum):
    """What is taken from an export that is left out otherwise."""

    DISABLED = "disabled"  # users that are switched off in the old system


class ResultsRows(StrEnum):
    """Which rows the results have."""

    ALL = "all"
    CHANGED = "changed"  # not those that are as the ledger remembers them


class NotifyWhen(StrEnum):
    """When somebody is told how a job ended."""

    CHANGE = "change"  # when the state changes, or somebody should act
    CREATED = "created"  # … and when there are new endpoints
    ALWAYS = "always"
    NEVER = "never"


def default_ledger() -> str:
    """Return the path of the ledger in the user's data directory."""
    return str(Path(platformdirs.user_data_dir("bulk-provision")) / "ledger.db")


def _limit(value: Any) -> Any:  # noqa: ANN401  (whatever a flag, a variable or TOML gives)
    """Read `50` rows or `"5 %"` of the source."""
    if isinstance(value, str) and (percent := _PERCENT.fullmatch(value.strip())):
        if float(percent[1]) > 100:
            raise ValueError("a share is at most 100 %")
        return Limit(percent=float(percent[1]))
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return Limit(rows=value)
    if isinstance(value, Limit):
        return value
    raise ValueError("write a number of rows, such as 50, or a share, such as 5%")


# For editors: how each is written in a job file.
_LimitText = WithJsonSchema(
    {
        "anyOf": [
            {"type": "integer", "minimum": 0},
            {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?( ?%)?$"},
        ]
    }
)
_MapText = WithJsonSchema(
    {
        "anyOf": [
            {"type": "object", "additionalProperties": {"type": "string"}},
            {"type": "array", "items": {"type": "string", "pattern": "="}},
        ]
    }
)
_Rows = Annotated[Limit, _LimitText]


class Settings(BaseSettings):
    """Everything that can be set, by any of the ways; the flags have the same names."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX, extra="forbid", hide_input_in_errors=True, populate_by_name=True
    )
    job: ClassVar[dict[str, Any]] = {}

    # what is read
    name: str = Field(default="", max_length=100)
    source: str | None = None
    pick: Pick = Pick.NEWEST
    sheet: str | None = None
    encoding: str | None = None
    source_password_env: str | None = None
    from_: str | None = Field(default=None, validation_alias="BULK_PROVISION_FROM")  # a keyword
    include: Include | None = None
    generate_passwords: bool = False
    map: Annotated[dict[str, str], NoDecode, _MapText] = Field(default_factory=dict)
    allow_username: str = ""
    weak_passwords: WeakPasswords = WeakPasswords.WARN
    where: str | None = None
    # what users are called
    names: Path | None = None
    username_template: str | None = None
    prefix: str = Field(default="", max_length=64)
    lower: bool = False
    # the account
    appid: int | None = Field(default=None, ge=0, lt=2**63)  # what a database can hold
    secret: SecretStr | None = None
    secret_env: str | None = None
    secret_file: Path | None = None
    secret_command: str | None = None
    allow_insecure: bool = False  # before base_url, whose check needs it
    base_url: BaseUrl = DEFAULT_BASE_URL
    account: str | None = None
    accounts_file: Path | None = None
    accounts: dict[str, AccountEntry] = Field(default_factory=dict)
    account_column: str | None = None
    # the pace
    rate: float = Field(default=10.0, ge=0, allow_inf_nan=False)
    concurrency: int = Field(default=10, ge=1, le=2000)
    attempts: int = Field(default=5, ge=1, le=100)
    timeout: float = Field(default=30.0, gt=0, le=3600)
    connect_timeout: float = Field(default=10.0, gt=0, le=3600)
    settle: float = Field(default=5.0, ge=0, le=3600)
    patience: float = Field(default=120.0, ge=0, le=86_400)
    wait: float = Field(default=0.0, ge=0)
    deadline: Deadline | None = None
    lease_seconds: float = Field(default=30.0, ge=1, le=3600)
    # what is done
    on_exists: OnExists = OnExists.SKIP
    recheck: bool = False
    reconcile: Reconcile = Reconcile.AUTO
    limit: int | None = Field(default=None, ge=1)
    canary: int = Field(default=0, ge=0, le=10_000)
    stop_if_new: _Rows | None = None
    stop_if_invalid: _Rows | None = None
    stop_if_vanished: _Rows | None = None
    ignore_limits: bool = False
    password_length: int = Field(default=20, ge=1, le=128)
    password_alphabet: str | None = None
    plan: Path | None = None
    ledger: str = Field(default_factory=default_ledger)
    key: SecretStr | None = None
    # what comes out
    output: str | None = None
    results_folder: Path | None = None
    results_rows: ResultsRows = ResultsRows.ALL
    csv: bool = False
    annotate: bool = False
    protect: bool | None = None  # None: as the next two say
    protect_password_env: str | None = None
    protect_password_file: Path | None = None
    json_: bool = Field(default=False, validation_alias="BULK_PROVISION_JSON")  # "json" is taken
    quiet: bool = False
    yes: bool = False
    # who is told
    report: Path | None = None
    log_folder: Path | None = None
    metrics: Path | None = None
    healthcheck: str | None = None
    healthcheck_file: Path | None = None
    notify_env: str | None = None
    notify_file: Path | None = None
    notify_command: str | None = None
    notify_when: NotifyWhen = NotifyWhen.CHANGE
    # what is kept, and when it runs
    keep_results_days: float | None = Field(default=None, ge=0, le=36_500)
    keep_logs_days: float | None = Field(default=None, ge=0, le=36_500)
    keep_rows_days: float | None = Field(default=None, ge=0, le=36_500)
    forget_after_days: float | None = Field(default=None, ge=0, le=36_500)
    schedule: Schedule | None = None

    @field_validator("stop_if_new", "stop_if_invalid", "stop_if_vanished", mode="before")
    @classmethod
    def _limits(cls, value: Any) -> Any:  # noqa: ANN401  (whatever a flag, a variable or TOML gives)
        return None if value is None else _limit(value)

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

    @field_validator("healthcheck")
    @classmethod
    def _only_addresses(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("http://", "https://")):
            raise ValueError("write an address such as https://hc-ping.com/…")
        return value

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
