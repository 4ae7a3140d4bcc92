"""`ecosg-update score`: how right engines, or maps, are, each beside others on the same pixels."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from ecosg_update.cli import options, score_maps, score_sets, score_verdicts

if TYPE_CHECKING:
    from ecosg_update.scoring.contestant import OtherLevel
    from ecosg_update.scoring.truth import Where


def _names(context: click.Context, parameter: click.Parameter, text: str) -> tuple[str, ...]:  # noqa: ARG001
    """The parts of a list with commas."""
    return tuple(dict.fromkeys(options.listed(text)))


@click.command(
    epilog="\b\nExamples:\n"
    "  ecosg-update score demo/input/simulated_base.dir demo/output/simulated_demo.dir \\\n"
    "    --truth demo/input/simulated_truth.dir\n"
    "  ecosg-update score mine.safetensors --data set --grouping corine-l1,corine-l2"
)
@click.argument("names", metavar="MAP_OR_CHECKPOINT...", nargs=-1)
@click.option(
    "--truth", type=options.ANY,
    help="Score maps against it: a cover map, a raster (.tif), polygons, points (LUCAS: .csv or vector), or a folder "
    "of BigEarthNet's reference maps.",
)  # fmt: skip
@click.option("--data", type=options.ANY, help="Score checkpoints on a set made by `ecosg-update train prepare`.")
@click.option(
    "--verdicts", type=options.FILE, multiple=True, help="Score the maps of --sites by an expert's verdicts."
)
@click.option("--sites", type=options.ANY, help="The folder of `ecosg-update inspect` that --verdicts are of.")
@click.option("--second-choice", is_flag=True, help="With --verdicts: an expert's second choice is right as well.")
@click.option(
    "--grouping",
    default="",
    callback=_names,
    help="Legends to score in: corine-l1,corine-l2,ecosg-primary; default: all that maps and truth reach, or the "
    "set's own.",
)
@click.option(
    "--truth-legend", help="What the codes of the truth mean; default corine-l3 for polygons, lucas for points."
)
@click.option("--map-legend", help="What the codes of maps that are .tif mean; or MAP:LEGEND for one of them.")
@click.option(
    "--on", type=click.Choice(["truth", "maps"]),
    help="Whose pixels: the truth's with the map at their centres (default), or the finest map's cells with the "
    "truth's majority.",
)  # fmt: skip
@click.option(
    "--max-distance", type=click.FloatRange(min=0), help="Points that were seen from so many metres at most."
)
@click.option("--min-parcel", type=click.FloatRange(min=0), help="Points in parcels of so many hectares at least.")
@click.option(
    "--block-km", type=click.FloatRange(min=0, min_open=True),
    help="Side of the bootstrap's blocks; default 100, less or more where that gives few or very many blocks.",
)  # fmt: skip
@click.option("--split", type=click.Choice(["train", "val", "test"]), default="test", show_default=True)
@click.option(
    "--baseline", default="majority,forest", show_default=True, callback=_names,
    help="Of majority, forest, dynamicworld; '' for none.",
)  # fmt: skip
@click.option("--weights", type=options.ANY, help="Folder of Dynamic World's weights; default: fetched once.")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True)
@click.option(
    "--other-level", type=click.Choice(["convert", "as-is"]), default="convert", show_default=True,
    help="Samples of another product level than a checkpoint's: bring L2A to L1C, or feed all as they are.",
)  # fmt: skip
@click.option(
    "--bootstrap", type=click.IntRange(min=1), default=1000, show_default=True, help="Redrawn sets of blocks."
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of the bootstrap and of the forest.")
@click.option(
    "-o", "--output", type=click.Path(file_okay=False, path_type=Path), help="Folder for score.json and CSV."
)
@options.overwrite
@options.tables
@options.as_json
@click.pass_context
def command(
    context: click.Context,
    *,
    names: tuple[str, ...],
    truth: Path | None,
    data: Path | None,
    verdicts: tuple[Path, ...],
    sites: Path | None,
    second_choice: bool,
    grouping: tuple[str, ...],
    truth_legend: str | None,
    map_legend: str | None,
    on: Where | None,
    max_distance: float | None,
    min_parcel: float | None,
    block_km: float | None,
    split: str,
    baseline: tuple[str, ...],
    weights: Path | None,
    device: str,
    other_level: OtherLevel,
    bootstrap: int,
    seed: int,
    output: Path | None,
    overwrite: bool,
    tables: Path | None,
    as_json: bool,
) -> None:
    """Score maps against a truth (--truth), or checkpoints and baselines on a prepared set (--data).

    All are scored on identical pixels: those where the truth and every one of them has a class. Every figure stands
    beside its grouping and, in brackets, the 95 % interval of a bootstrap over geographic blocks. A dash is a figure
    that is not defined, such as the user's accuracy of a class that was never said. On lat-lon pixels, whose areas
    differ, there are rows by area, too. docs/score.md tells the protocols of the papers.

    With --verdicts and --sites: what experts saw at drawn sites says of the new and of the original map, accuracies
    and areas with the intervals of stratified sampling; docs/inspect.md.
    """
    from ecosg_update.cli.score_table import show
    from ecosg_update.judge.bootstrap import Bootstrap
    from ecosg_update.scoring.mapped import Question
    from ecosg_update.scoring.truth import Filter
    from ecosg_update.scoring.written import write
    from ecosg_update.table_files import overlaid

    if verdicts or sites is not None:
        score_verdicts.check_options(context)
        with overlaid(tables):
            score_verdicts.score(verdicts, sites, grouping, second_counts=second_choice, as_json=as_json)
        return
    _check_mode(context, truth, data)
    how = Bootstrap(bootstrap, seed=seed)
    with overlaid(tables):
        if truth is not None:
            asked = Question(truth, truth_legend, on, Filter(max_distance, min_parcel), grouping, block_km)
            report, about = score_maps.scored(names, asked, map_legend=map_legend, how=how)
        else:
            report, about = score_sets.scored_engines(
                [Path(name) for name in names],
                data or Path(),
                split=split,
                grouping=grouping,
                baseline=baseline,
                weights=weights,
                device=device,
                other_level=other_level,
                how=how,
            )
    if output is not None:
        write(report, output, about, overwrite=overwrite)
    if as_json:
        click.echo(json.dumps(about | report.document()))
    else:
        show(report)


def _check_mode(context: click.Context, truth: Path | None, data: Path | None) -> None:
    """Raise an error of usage unless one of --truth and --data is there, with the options that it reads."""
    if (truth is None) == (data is None):
        found = "both are" if data else "neither is"
        raise click.UsageError(f"--truth scores maps and --data scores checkpoints: {found} given; give one of them")
    strange = score_maps.OPTIONS if data else score_sets.OPTIONS
    asked = [name for name in strange if context.get_parameter_source(name) is ParameterSource.COMMANDLINE]
    if asked:
        named = ", ".join(f"--{name.replace('_', '-')}" for name in asked)
        raise click.UsageError(f"{named}: of no use with --{'data' if data else 'truth'}; leave it out")
