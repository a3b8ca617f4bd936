"""Secrets (P34): sealed at rest, and where they come from (a command, a systemd credential).

Nothing here puts a secret, a key or a command's output into an error or a log.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

import anyio
from anyio.abc import Process
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from inboxd.model.errors import BadInput, InboxdError, Remedy

KEY_CREDENTIAL = "inboxd-key"
"""The systemd credential that holds the key (LoadCredential=inboxd-key:…)."""

KEY_NAME = "key"
"""The file in the state directory that holds a key made here."""

PASSWORD_COMMAND_SECONDS = 15.0
"""A password manager on the network answers well within it; one that asks a person never will."""

PASSWORD_COMMAND_BYTES = 64 * 1024
"""An OAuth2 token may have a few kB; what is far longer is not the output meant."""

_REAP_SECONDS = 5.0
"""SIGKILL takes effect at once but for a process stuck in the kernel, which nobody can help."""


class SecretUnavailable(InboxdError):
    """A password command did not give its secret: the vault may be locked or away just now."""

    remedy: ClassVar[Remedy] = Remedy.RETRY
    code: ClassVar[str] = "secret_unavailable"


class SecretBox:
    """Seals secrets for the database and opens them again (Fernet: AES-128-CBC, HMAC-SHA256).

    The first key seals, all keys open: a new first line in the key file is a rotation.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        """Take the keys, each 32 bytes in base64 of either alphabet.

        Raises BadInput where there is none or one cannot be read.
        """
        if not keys:
            raise BadInput("The key file is empty: put the key back, or remove the file.")
        try:
            self._fernet = MultiFernet([Fernet(key) for key in keys])
        except ValueError:
            raise BadInput(
                "The key file holds something else than keys: each line is 32 bytes in base64, "
                "as `openssl rand -base64 32` prints them."
            ) from None

    @classmethod
    def open(cls, state_dir: Path, key_file: Path | None = None) -> SecretBox:
        """Find the key: the systemd credential, else `key_file`, else one of our own making.

        That is `key` in the state directory, made on first use with mode 0400. Blocks on files.
        Raises BadInput where the key cannot be read, is no key, or others could read it too.
        """
        credential = _credential_path(KEY_CREDENTIAL)
        if credential is not None and credential.exists():
            # systemd guards it with an access list, which shows up as mode 0440.
            return cls(_read(credential).split())
        path = key_file or state_dir / KEY_NAME
        if key_file is None and not path.exists():
            _create_key(path)
        _refuse_shared(path)
        return cls(_read(path).split())

    def seal(self, text: str) -> bytes:
        """The secret as it may be stored: encrypted, and proof against being altered."""
        return self._fernet.encrypt(text.encode())

    def unseal(self, sealed: bytes) -> str:
        """The secret again. Raises BadInput where none of the keys fits."""
        try:
            return self._fernet.decrypt(sealed).decode()
        except (InvalidToken, UnicodeDecodeError):
            raise BadInput(
                "A stored secret was sealed with another key. Put the earlier key back (the "
                f"credential {KEY_CREDENTIAL}, secrets.key_file, or `{KEY_NAME}` in the state "
                "directory), or set the password anew: inboxctl account set-password."
            ) from None


def read_credential(name: str) -> str:
    """The text of the systemd credential `name`, without the end of its last line.

    Raises BadInput where the unit does not load it.
    """
    path = _credential_path(name)
    if path is None or not path.is_file():
        raise BadInput(
            f"There is no systemd credential {name!r}: add LoadCredential={name}:/path/to/file "
            "to the unit (systemctl edit inboxd) and restart it."
        )
    return _read(path).rstrip("\r\n")


async def run_password_command(
    command: str | Sequence[str], timeout: float = PASSWORD_COMMAND_SECONDS
) -> str:
    """The first line that `command` prints (a string goes to /bin/sh, a list is run as it is).

    `timeout` in seconds; then the command and all it started are killed. What it writes to
    stderr is thrown away, since nobody can tell whether that holds the secret.
    Raises SecretUnavailable where it fails, stays silent or prints nothing of use.
    """
    if not command:
        raise SecretUnavailable("The password command is empty: name a program.")
    try:
        with anyio.fail_after(timeout):
            status, output = await _run(command)
    except TimeoutError:
        raise SecretUnavailable(
            f"The password command did not end within {timeout:g} s: it must print the password "
            "without asking anybody."
        ) from None
    except OSError as error:
        raise SecretUnavailable(
            f"The password command cannot be started: {error.strerror or 'no reason given'}."
        ) from None
    if status != 0:
        raise SecretUnavailable(
            f"The password command failed ({_ending(status)}): run it as the daemon's user "
            "to see why."
        )
    return _first_line(output)


async def _run(command: str | Sequence[str]) -> tuple[int, bytes]:
    process = await anyio.open_process(
        command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        output = await _read_all(process)
        return await process.wait(), output
    finally:
        if process.returncode is None:
            # The whole session: killing the shell alone would leave `pass` and gpg behind.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        with anyio.move_on_after(_REAP_SECONDS, shield=True):
            await process.aclose()


async def _read_all(process: Process) -> bytes:
    output = bytearray()
    if process.stdout is not None:
        async for chunk in process.stdout:
            output += chunk
            if len(output) > PASSWORD_COMMAND_BYTES:
                raise SecretUnavailable(
                    f"The password command prints more than {PASSWORD_COMMAND_BYTES} bytes: it "
                    "must print the password and nothing else."
                )
    return bytes(output)


def _first_line(output: bytes) -> str:
    try:
        # Not splitlines(): a password may hold what Unicode takes for the end of a line.
        line = output.decode().split("\n")[0].removesuffix("\r")
    except UnicodeDecodeError:
        raise SecretUnavailable("The password command prints something else than UTF-8.") from None
    if not line:
        raise SecretUnavailable(
            "The password command printed nothing in its first line: the password belongs there."
        )
    return line


def _ending(status: int) -> str:
    return f"signal {-status}" if status < 0 else f"exit code {status}"


# --- key files -----------------------------------------------------------------------------------


def _credential_path(name: str) -> Path | None:
    directory = os.environ.get("CREDENTIALS_DIRECTORY", "")
    if not directory or not name or "/" in name or name in {".", ".."}:
        return None
    return Path(directory) / name


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError:
        raise BadInput(f"{path} cannot be read: it is not UTF-8 text.") from None
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}.") from None


def _refuse_shared(path: Path) -> None:
    try:
        mode = path.stat().st_mode & 0o777
    except OSError as error:
        raise BadInput(f"The key file {path} cannot be used: {error.strerror}.") from None
    # The group too: those who may use the control socket are in the daemon's group.
    if mode & 0o077:
        raise BadInput(
            f"The key file {path} can be used by others (mode {mode:04o}): chmod 0400 {path}."
        )


def _create_key(path: Path) -> None:
    """Make a key that is whole on the disk or not there at all: a torn one would lock us out."""
    draft = path.with_name(f"{path.name}.new")
    try:
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o400)
        with os.fdopen(descriptor, "wb") as file:
            file.write(Fernet.generate_key() + b"\n")
            file.flush()
            os.fsync(descriptor)
        # Not rename: that would replace a key somebody else made in the meantime.
        with suppress(FileExistsError):
            os.link(draft, path)
        draft.unlink()
        _sync_directory(path.parent)
    except OSError as error:
        raise BadInput(f"The key file {path} cannot be made: {error.strerror}.") from None


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
