"""`ecosg-update fetch`: published weights into the user's cache."""

from __future__ import annotations

import click


@click.command()
@click.argument("engine", type=click.Choice(["dynamicworld"]))
def command(*, engine: str) -> None:
    """Fetch the published weights of ENGINE, verify their sha256, and say what they are.

    On a machine without a network, fetch the two files named in the error elsewhere and pass their folder as
    --weights (or `engine.weights`).
    """
    from ecosg_update.segment import weights

    card = weights.published().card
    click.echo(f"{engine}: sha256 {card.sha256}, {card.licence}, {card.provenance}")
