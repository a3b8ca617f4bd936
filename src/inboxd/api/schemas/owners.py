"""Owners and their personal settings."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from inboxd.api.schemas.base import Answer, PageOf, Request
from inboxd.model.settings import Visibility
from inboxd.model.views import OwnerView


class Settings(Answer):
    """An owner's general settings (P21)."""

    track_opens: bool = Field(description="The default of new accounts.")
    track_links: bool = Field(description="The default of new accounts.")
    track_notify: bool
    visibility: Visibility = Field(description="Of new mail; older mail keeps its own.")
    sender_name: str
    signature: str
    default_account: str = Field(description="The address to send from; empty: the first.")
    time_zone: str = Field(examples=["Europe/Berlin"])
    blocked: list[str] = Field(examples=[["spammer@example.com", "ads.example"]])
    strict: bool = Field(
        description="Skip blocked senders' mail even when somebody else is in the conversation."
    )
    mirror_delete: bool
    mirror_archive: bool
    deleted_on_server: str = Field(examples=["hide", "30d", "purge"])


class OwnerSettings(Settings):
    """One owner."""

    owner: str
    accounts: list[str] = Field(description="The addresses of their accounts.")

    @classmethod
    def of(cls, view: OwnerView) -> OwnerSettings:
        """Spell a view."""
        settings = Settings.model_validate(view.settings)
        return cls(**settings.model_dump(), owner=view.owner, accounts=list(view.accounts))


class Owners(PageOf[OwnerSettings]):
    """All owners."""


class SettingsPatch(Request):
    """The settings to change; what is left out stays. Texts are checked by the rules (409/422)."""

    model_config = Request.model_config | {"extra": "allow"}
    """An unknown name is refused by the rules, which know the nearest one."""

    def wishes(self) -> dict[str, Any]:
        """The wishes by name."""
        return dict(self.model_extra or {})
