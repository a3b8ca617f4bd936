"""Every key of the configuration with its default, its unit and its reason.

Frozen and closed: what is not here is refused. Passwords have no key here, on purpose (P34).
The docstring below each key is also its comment in config.example.yaml; a test compares them, and
reads them for itself: pydantic would read them out of the source at every start.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from inboxd import log
from inboxd.config.values import (
    AbsolutePath,
    Count,
    Part,
    Port,
    Seconds,
    Words,
    checked_address,
    checked_command,
    checked_mode,
    socket_path,
)
from inboxd.model import addresses
from inboxd.model.conditions import DEFAULT_PRESETS, NOW, Period, Presets
from inboxd.model.server import Endpoint, Security

IDLE_RFC_SECONDS = 29 * 60
"""RFC 2177 3: IDLE has to be issued again before this."""


class Section(BaseModel):
    """The base of every section: frozen, closed, and fine with being left empty."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _empty_is_default(cls, value: Any) -> Any:  # noqa: ANN401 - whatever the file holds
        # A section whose keys are all commented out is null in YAML.
        return {} if value is None else value


class Control(Section):
    """The control socket."""

    socket: Annotated[AbsolutePath, AfterValidator(socket_path)] = Path("/run/inboxd/inboxd.sock")
    """The Unix socket that inboxctl and the CRM talk to."""

    mode: Annotated[int, BeforeValidator(checked_mode)] = 0o660
    """Who may use the socket: "0600" the daemon's user, "0660" its group as well, "0666" everybody
    on this machine."""


class Log(Section):
    """What is logged, and how. It always goes to stderr."""

    level: log.Level = "info"
    """debug, info, warning or error. No level shows passwords, mail or addresses of others."""

    format: log.Format = "auto"
    """json (one object per line), console, or auto: console on a terminal, json elsewhere."""


class Tls(Section):
    """Whose certificates are trusted."""

    ca_file: AbsolutePath | None = None
    """A PEM file with certificate authorities of your own, added to the system's."""


class Limits(Section):
    """What the daemon allows itself."""

    logins_per_second: Seconds = 10
    """New logins per second, over all accounts: a restart of the daemon or of a server is no
    stampede."""

    message_bytes: Count = 50 * 1024 * 1024
    """Larger messages are not fetched; the ledger says too_large."""


class Contacts(Section):
    """Where contacts come from by themselves."""

    vcard_directory: Path | None = None
    """A directory of vCard files that is watched, such as vdirsyncer writes it."""

    pull_minutes: Count = 60
    """How often contacts are pulled from a CRM that was set with inboxctl contact source."""


class Preset(Section):
    """A start date by its distance from the moment of Sync; the parts add up."""

    years: Part = 0
    """Calendar years back."""
    months: Part = 0
    """Calendar months back."""
    days: Part = 0
    """Days back."""

    @property
    def period(self) -> Period | None:
        """As the rules count it; None for no distance at all, which is `now`."""
        if self.years or self.months or self.days:
            return Period(years=self.years, months=self.months, days=self.days)
        return None


def _default_presets() -> dict[str, Preset | None]:
    return {
        name: Preset()
        if period is None
        else Preset(years=period.years, months=period.months, days=period.days)
        for name, period in DEFAULT_PRESETS.items()
    }


def _all_presets(given: dict[str, Preset | None]) -> dict[str, Preset | None]:
    """What is given on top of the shipped ones, so that adding one takes away none."""
    for name, preset in given.items():
        if not name or name.split() != [name]:
            raise ValueError("has a start date whose name is not one word, such as 3d")
        if name == NOW and preset is not None and preset.period is not None:
            raise ValueError("cannot change now: it means no history")
        if name != NOW and preset is not None and preset.period is None:
            raise ValueError(f"must say how far back {name} goes: years, months or days")
    merged = {**_default_presets(), **given, NOW: Preset()}
    return {name: preset for name, preset in merged.items() if preset is not None}


class Sync(Section):
    """How mail is fetched and watched."""

    start_presets: Annotated[dict[str, Preset | None], AfterValidator(_all_presets)] = Field(
        default_factory=_default_presets
    )
    """The start dates on offer: name, and how many years, months or days back. What stands here is
    added to these five; null takes one away, but never now."""

    sweep_seconds: Seconds = 45
    """How often labels without push are looked at."""

    idle_silence_seconds: Seconds = 300
    """A push connection without a word from the server is asked again after this."""

    idle_cap_seconds: Annotated[Seconds, Field(lt=IDLE_RFC_SECONDS)] = 540
    """And after this even if the server talks. Routers and providers forget connections sooner
    than the 29 minutes of RFC 2177."""

    done_seconds: Seconds = 15
    """How long a server may take to end a push; then the connection is dropped."""

    command_silence_seconds: Seconds = 60
    """How long a server may be silent within any other command; then the connection is dropped."""

    reconcile_hours: Seconds = 6
    """How often the whole list of messages is compared with the server's."""

    batch_bytes: Count = 9 * 1024 * 1024
    """How much of an account is under way at once; a crash makes no more be fetched again. A third
    of it is fetched, and committed, at a time."""

    batch_messages: Count = 450
    """And how many messages."""

    backoff_first_seconds: Seconds = 2
    """After trouble: the shortest pause before the next try."""

    backoff_most_seconds: Seconds = 300
    """And the longest."""

    @model_validator(mode="after")
    def _ordered(self) -> Sync:
        if self.backoff_first_seconds > self.backoff_most_seconds:
            raise ValueError("needs backoff_first_seconds to be at most backoff_most_seconds")
        if self.idle_silence_seconds > self.idle_cap_seconds:
            raise ValueError("needs idle_silence_seconds to be at most idle_cap_seconds")
        return self

    @property
    def presets(self) -> Presets:
        """The start dates as the rules take them (P3), `now` first."""
        return {
            name: preset.period
            for name, preset in self.start_presets.items()
            if preset is not None
        }


class Secrets(Section):
    """Where the key lies that seals passwords and tokens in the database."""

    key_file: AbsolutePath | None = None
    """A file with the key (openssl rand -base64 32), mode 0400. The systemd credential inboxd-key
    comes first; without either a key is made in state_dir."""


class Server(Section):
    """A mail server; without a host it is discovered from the address (P1)."""

    ports: ClassVar[Mapping[Security, int]] = {}

    host: Words | None = None
    """Its name; left out, it is discovered from the address."""
    port: Port | None = None
    """Left out, the usual one for its security."""
    security: Security = Security.TLS
    """tls from the first byte, starttls, or none (to this machine only)."""

    @model_validator(mode="after")
    def _whole(self) -> Server:
        if self.host is None and self.model_fields_set & {"port", "security"}:
            raise ValueError("needs a host where port or security is given")
        return self

    @property
    def endpoint(self) -> Endpoint | None:
        """Where to connect to; None: to be discovered."""
        if self.host is None:
            return None
        return Endpoint(self.host, self.port or self.ports[self.security], self.security)


class ImapServer(Server):
    """Where an account's mail is read."""

    ports: ClassVar[Mapping[Security, int]] = {
        Security.TLS: 993,
        Security.STARTTLS: 143,
        Security.NONE: 143,
    }


class SmtpServer(Server):
    """Where an account's mail is sent (submission, RFC 8314)."""

    ports: ClassVar[Mapping[Security, int]] = {
        Security.TLS: 465,
        Security.STARTTLS: 587,
        Security.NONE: 587,
    }


class DeclaredAccount(Section):
    """An account made when it is first seen here; afterwards the database holds its state."""

    address: Annotated[str, AfterValidator(checked_address)]
    """The e-mail address. The one key that has no default."""

    owner: Words | None = None
    """Whose mail it is, by an id of the CRM's choosing; left out, the address."""

    username: Words | None = None
    """The name to log in with; left out, the address."""

    password_cmd: Annotated[str | tuple[str, ...] | None, BeforeValidator(checked_command)] = None
    """A command that prints the password in its first line, as one text for the shell or as a list
    of words."""

    password_credential: Words | None = None
    """Or the name of a systemd credential that holds it. With neither, type it once: inboxctl
    account set-password."""

    imap: ImapServer = ImapServer()
    """Where the mail is read; left out, discovered from the address."""

    smtp: SmtpServer | None = SmtpServer()
    """Where mail is sent; left out, discovered from the address; null for an account that only
    reads."""

    @model_validator(mode="after")
    def _one_source(self) -> DeclaredAccount:
        if self.password_cmd is not None and self.password_credential is not None:
            raise ValueError("has two sources for one password: keep one of them")
        return self


def _distinct(accounts: tuple[DeclaredAccount, ...]) -> tuple[DeclaredAccount, ...]:
    seen: set[str | None] = set()
    for account in accounts:
        key = addresses.normalise(account.address)
        if key in seen:
            raise ValueError(f"names {account.address} twice: keep one of them")
        seen.add(key)
    return accounts


class Settings(BaseSettings):
    """The whole configuration.

    The constructor takes the file's content; a variable of the environment (INBOXD_LOG__LEVEL
    for log.level) goes before it.
    """

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        env_prefix="INBOXD_",
        env_nested_delimiter="__",
        env_ignore_empty=True,
    )

    state_dir: AbsolutePath = Path("/var/lib/inboxd")
    """Where mail, settings and the key are kept (mode 0700)."""

    control: Control = Control()
    """The control socket."""

    log: Log = Log()
    """What is logged, and how. It always goes to stderr."""

    tls: Tls = Tls()
    """Whose certificates are trusted."""

    limits: Limits = Limits()
    """What the daemon allows itself."""

    contacts: Contacts = Contacts()
    """Where contacts come from by themselves."""

    sync: Sync = Sync()
    """How mail is fetched and watched."""

    secrets: Secrets = Secrets()
    """Where the key lies that seals passwords and tokens in the database."""

    accounts: Annotated[tuple[DeclaredAccount, ...], AfterValidator(_distinct)] = ()
    """Accounts made when they are first seen here. People add theirs with inboxctl as well."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the signature is pydantic's
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """First the environment, then the file; no .env, which would depend on the directory."""
        return env_settings, init_settings
