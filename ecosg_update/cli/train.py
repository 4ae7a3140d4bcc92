"""`ecosg-update train`: networks from training sets."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path

import click

from ecosg_update.cli.options import FILE, as_json, overwrite, shown_progress

ELSEWHERE = {"prepare": "ecosg_update.cli.train_prepare"}
"""Commands of the group that have a module of their own, which is imported when one is asked for."""


class Training(click.Group):
    """The commands; what is none of them is the configuration of `run`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """The arguments, `run` before a configuration."""
        if args and args[0] not in (*self.list_commands(ctx), *ctx.help_option_names):
            args = ["run", *args]
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Their names."""
        return sorted([*super().list_commands(ctx), *ELSEWHERE])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """One of them."""
        if cmd_name not in ELSEWHERE:
            return super().get_command(ctx, cmd_name)
        command: click.Command = import_module(ELSEWHERE[cmd_name]).command
        return command


@click.group(cls=Training, epilog="Example: ecosg-update train training.toml")
def command() -> None:
    """Prepare training sets and train networks: `train CONFIG` does what a TOML file asks for."""


@command.command(epilog="Example: ecosg-update train run training.toml")
@click.argument("config", type=FILE)
@overwrite
@as_json
def run(*, config: Path, overwrite: bool, as_json: bool) -> None:
    """Train the steps of CONFIG (a TOML file), each from the weights that it names, and write their checkpoints.

    The output folder gets NAME.safetensors with its card NAME.json and the record NAME.csv of each step. The same
    command goes on where it was interrupted, with the same weights as without the interruption, and leaves finished
    steps alone. On several GPUs: torchrun --nproc-per-node 4 --no-python ecosg-update train training.toml
    """
    from ecosg_update.learning.config import load
    from ecosg_update.learning.run import run as trained

    with shown_progress() as progress:
        done = trained(load(config), overwrite=overwrite, progress=progress)
    if as_json:
        rows = [
            {
                "name": one.name,
                "checkpoint": str(one.checkpoint),
                "finished_before": one.before,
                "temperature": one.card.temperature,
                "ece": one.card.reliability.ece if one.card.reliability else None,
                "notes": one.card.notes,
            }
            for one in done
        ]
        click.echo(json.dumps(rows))
        return
    for one in done:
        click.echo(f"{one.name}: {'finished before. ' if one.before else ''}{one.card.notes}".rstrip(": "))
        click.echo(str(one.checkpoint))
