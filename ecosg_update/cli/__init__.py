"""The command line: parse, call one public function, print.

Results go to stdout, progress and logs to stderr. Every command is a file of this folder and imports what it
needs when it runs, so that `--help` stays instant.
"""

from __future__ import annotations

import errno
import logging
import os
import signal
import sys
from importlib import import_module
from types import FrameType

import click

from ecosg_update import __version__
from ecosg_update.errors import EcosgError

COMMANDS = (
    "check",
    "compare",
    "crosswalk",
    "demo",
    "domains",
    "export",
    "fetch",
    "info",
    "inspect",
    "install",
    "look",
    "map",
    "params",
    "patch",
    "pgd",
    "predict",
    "report",
    "revert",
    "run",
    "score",
    "tables",
    "train",
)
OUTPUT_FAILURES = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EROFS, errno.EPERM}
log = logging.getLogger("ecosg_update")


class Commands(click.Group):
    """The commands, each found in its own module."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Their names."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """One of them."""
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"ecosg_update.cli.{cmd_name}")
        command: click.Command = module.command
        return command


@click.command(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "ECOSG"},
    epilog="Exit codes: 0 fine, 1 a bug, 2 usage or configuration, 3 input, 4 model, 5 output, "
    "6 a check found faults, 7 domain not covered, 130/143 interrupted or terminated.",
)
@click.version_option(__version__, "-V", "--version", message="ecosg-update %(version)s")
@click.option("-v", "--verbose", count=True, help="Say more on stderr; twice for tracebacks.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing on stderr but errors.")
@click.option("--log-file", type=click.Path(dir_okay=False), help="Write the log there as well.")
def cli(*, verbose: int, quiet: bool, log_file: str | None) -> None:
    """Renew ECOCLIMAP-SG land cover from Sentinel-2, for SURFEX and HARMONIE-AROME."""
    level = logging.WARNING if quiet else (logging.DEBUG if verbose else logging.INFO)
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    if log_file:
        try:
            handlers.append(logging.FileHandler(log_file, encoding="utf-8"))
        except OSError as error:
            raise click.BadParameter(f"{log_file}: {error.strerror}", param_hint="--log-file") from error
    logging.basicConfig(
        level=logging.WARNING,
        format="%(levelname)s %(asctime)s %(name)s: %(message)s",
        datefmt="%Y-%m-%dT%H:%M:%S",
        handlers=handlers,
        force=True,
    )
    log.setLevel(level)


def main(arguments: list[str] | None = None) -> None:
    """The entry point: every failure becomes one line on stderr and a documented exit code."""
    signal.signal(signal.SIGTERM, _terminated)
    try:
        status = cli.main(args=arguments, prog_name="ecosg-update", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except EcosgError as error:
        _fail(error, error.exit_code)
    except (KeyboardInterrupt, click.Abort) as error:
        _fail(error, 130, "interrupted; nothing was left half-written")
    except _TerminatedError as error:
        _fail(error, 143, "terminated; nothing was left half-written")
    except OSError as error:
        if error.errno == errno.EPIPE:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(0)
        text = f"{error.filename or 'output'}: {error.strerror or error}"
        _fail(error, 5 if error.errno in OUTPUT_FAILURES else 3, text)
    sys.exit(status if isinstance(status, int) else 0)


class _TerminatedError(BaseException):
    """SIGTERM arrived: unwinds the stack, so that unfinished files are removed."""


def _terminated(signal_number: int, frame: FrameType | None) -> None:  # noqa: ARG001
    raise _TerminatedError


def _fail(error: BaseException, code: int, text: str | None = None) -> None:
    log.debug("traceback", exc_info=error)
    line = " ".join((text or str(error)).split())
    click.echo(f"ecosg-update: error: {line}", err=True)
    sys.exit(code)
