"""From a file and the environment to `Settings`, or to all mistakes at once.

No sentence quotes a value: one of them might be a password that somebody put where none belongs.
"""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import SettingsError

from inboxd.config import document
from inboxd.config.model import Settings
from inboxd.model.errors import BadConfig

DEFAULT_PATH = Path("/etc/inboxd/config.yaml")
PATH_VARIABLE = "INBOXD_CONFIG"

_PREFIX = "INBOXD_"
_SECRET_WORDS = ("password", "passwd", "pass", "pwd", "secret", "token")
_NO_SECRETS = (
    "Passwords and tokens never stand in this file. Give password_cmd or password_credential, or "
    "type the password once: inboxctl account set-password."
)


def load(path: Path | None = None) -> Settings:
    """Read the configuration from `path`, else $INBOXD_CONFIG, else /etc/inboxd/config.yaml.

    Only the last of these may be missing: then every key has its default. Variables
    of the environment such as INBOXD_LOG__LEVEL go before the file.
    Raises BadConfig with every mistake in `problems`, each as `file:line:col: sentence`.
    """
    named = path or _named()
    file = named or DEFAULT_PATH
    return _settings(file, document.read(_text(file, may_be_missing=named is None)))


def _named() -> Path | None:
    name = os.environ.get(PATH_VARIABLE, "")
    return Path(name) if name else None


def _text(file: Path, *, may_be_missing: bool) -> str:
    try:
        return file.read_text("utf-8-sig")
    except FileNotFoundError:
        if may_be_missing:
            return ""
        raise _refused(file, ["There is no such file."]) from None
    except UnicodeDecodeError as error:
        raise _refused(file, [f"Byte {error.start} is not UTF-8."]) from None
    except OSError as error:
        raise _refused(file, [f"It cannot be read: {error.strerror}."]) from None


def _settings(file: Path, read: document.Document) -> Settings:
    found = [((flaw.line, flaw.column), flaw.sentence) for flaw in read.flaws]
    given: dict[str, Any] = {}
    if isinstance(read.value, dict):
        for key, value in read.value.items():
            # Here and not by pydantic: a key such as _env_file would be an order to its library.
            if key in Settings.model_fields:
                given[key] = value
            else:
                found.append((read.key_at((key,)), _unknown_key((key,))))
    elif read.value is not None:
        found.append((read.value_at(()), "The file must hold keys, such as log: or sync:."))
    elsewhere: list[str] = []
    settings = None
    try:
        settings = Settings(**given)
    except ValidationError as error:
        for detail in error.errors(include_url=False, include_input=False):
            variable = _variable(detail["loc"])
            if variable is not None:
                elsewhere.append(f"${variable}: {_sentence(detail)}")
            else:
                found.append((_place(read, detail), _sentence(detail)))
    except SettingsError as error:
        elsewhere.append(f"the environment: {error}.")
    if found or elsewhere or settings is None:
        in_file = [f"{line}:{column}: {text}" for (line, column), text in sorted(set(found))]
        raise _refused(file, in_file, elsewhere)
    return settings


def _refused(file: Path, in_file: list[str], elsewhere: list[str] | None = None) -> BadConfig:
    # A mistake of the whole file has no line; its sentence then follows the name at once.
    problems = [f"{file}:{' ' if text[0].isalpha() else ''}{text}" for text in in_file]
    problems += elsewhere or []
    count = "a mistake" if len(problems) == 1 else f"{len(problems)} mistakes"
    return BadConfig(f"The configuration cannot be used: it has {count}.", tuple(problems))


def _place(read: document.Document, detail: ErrorDetails) -> tuple[int, int]:
    if detail["type"] == "extra_forbidden":
        return read.key_at(detail["loc"])
    return read.value_at(detail["loc"])


def _variable(loc: document.Loc) -> str | None:
    """The variable of the environment that set the value at `loc`, if one did."""
    present = {name.upper(): name for name, value in os.environ.items() if value}
    for length in range(len(loc), 0, -1):
        name = _PREFIX + "__".join(str(part) for part in loc[:length]).upper()
        if name in present:
            return present[name]
    return None


# --- sentences -----------------------------------------------------------------------------------


def _sentence(detail: ErrorDetails) -> str:
    loc, kind = detail["loc"], detail["type"]
    if kind == "extra_forbidden":
        return _unknown_key(loc)
    if kind == "missing":
        return f"{_dotted(loc[:-1])} needs {loc[-1]}."
    return f"{_dotted(loc)} {_demand(kind, detail)}."


def _demand(kind: str, detail: ErrorDetails) -> str:
    context = detail.get("ctx", {})
    if kind == "value_error":
        return str(context["error"])
    if kind in {"literal_error", "enum"}:
        return f"must be {context['expected']}"
    if kind in {"string_type", "string_too_short", "path_type"}:
        return "must be a text (in quotes where it looks like something else)"
    if kind.startswith(("int_", "float_", "finite_number")):
        return "must be a whole number" if kind.startswith("int_") else "must be a number"
    if kind in {"model_type", "model_attributes_type", "dict_type"}:
        return "must be a section: its keys go below it, each on a line of its own"
    if kind in {"tuple_type", "list_type"}:
        return "must be a list: each item on a line of its own, after a dash"
    # The rest (greater_than, less_than_equal, …) speaks of limits, never of the value.
    return detail["msg"].replace("Input should", "must")


def _unknown_key(loc: document.Loc) -> str:
    key, names = str(loc[-1]).lower(), list(_model_at(loc[:-1]).model_fields)
    near = difflib.get_close_matches(key.replace("-", "_"), names, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(names)}."
    no_secrets = f" {_NO_SECRETS}" if key.endswith(_SECRET_WORDS) else ""
    return f"There is no key {_dotted(loc)}: {hint}{no_secrets}"


def _model_at(loc: document.Loc) -> type[BaseModel]:
    """The model that names the keys at `loc`; indexes and free names lead no deeper."""
    model: type[BaseModel] = Settings
    for part in loc:
        field = model.model_fields.get(str(part))
        if field is not None:
            model = _model_in(field.annotation) or model
    return model


def _model_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for inner in get_args(annotation):
        found = _model_in(inner)
        if found is not None:
            return found
    return None


def _dotted(loc: document.Loc) -> str:
    text = ""
    for part in loc:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".")
