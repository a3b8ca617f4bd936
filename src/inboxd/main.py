"""The `inboxd` command: run the daemon, check a configuration, show a demonstration."""

from __future__ import annotations

import gc
import sys
from pathlib import Path

import click

from inboxd import __version__

EXIT_FAILED = 1
EXIT_CONFIG = 78
"""EX_CONFIG of sysexits.h: the unit file tells systemd not to restart on it."""


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="inboxd")
def main() -> None:
    """The e-mail sync engine for a CRM, as one self-hosted daemon."""


_config = click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The YAML file; else $INBOXD_CONFIG, else /etc/inboxd/config.yaml.",
)


@main.command()
@_config
def run(config_path: Path | None) -> None:
    """Run the daemon until SIGTERM."""
    # Nearly all that the start makes stays; looking through it for garbage again and again takes
    # a quarter of the start. The daemon collects again from when it is ready.
    gc.disable()
    import anyio  # noqa: PLC0415 - `inboxd --help` needs none of it

    from inboxd import daemon, log  # noqa: PLC0415
    from inboxd.config.load import load  # noqa: PLC0415
    from inboxd.model.errors import BadConfig, InboxdError  # noqa: PLC0415

    try:
        settings = load(config_path)
        log.configure(settings.log.level, settings.log.format)
        anyio.run(daemon.run, settings, config_path)
    except BadConfig as error:
        _refuse(error)
        sys.exit(EXIT_CONFIG)
    except InboxdError as error:
        _refuse(error)
        sys.exit(EXIT_FAILED)


@main.command()
@_config
def check(config_path: Path | None) -> None:
    """Check a configuration and say all that is wrong with it."""
    from inboxd.config.load import load  # noqa: PLC0415
    from inboxd.model.errors import BadConfig  # noqa: PLC0415

    try:
        load(config_path)
    except BadConfig as error:
        _refuse(error)
        sys.exit(EXIT_CONFIG)
    print("The configuration is good.")


@main.command()
def demo() -> None:
    """Show it all on a made-up mailbox, then clean up (needs the extra: inboxd[demo])."""
    from inboxd import demo as show  # noqa: PLC0415

    try:
        show.run()
    except show.DemoFailed as error:
        _refuse(error)
        sys.exit(EXIT_FAILED)
    except KeyboardInterrupt:
        print("\nStopped; everything was cleaned up.")
        sys.exit(EXIT_FAILED)


def _refuse(error: Exception) -> None:
    print(error, file=sys.stderr)
    for problem in getattr(error, "problems", ()):
        print(problem, file=sys.stderr)


if __name__ == "__main__":
    main()
