import csv

import pytest

from ecosg_update.errors import ModelError, OutputError
from ecosg_update.segment.train import Step
from ecosg_update.segment.train.record import COLUMNS, recorded

STEPS = [Step(0, 1.5, 0.1), Step(1, 1.25, 0.2, {"loss": 0.5, "accuracy": 0.75, "miou": 0.25}), Step(2, 1.0, 0.1)]


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_each_step_is_a_row(tmp_path):
    with recorded(tmp_path / "net.csv") as write:
        for step in STEPS:
            write(step)
    found = rows(tmp_path / "net.csv")
    assert list(found[0]) == list(COLUMNS) and [row["step"] for row in found] == ["0", "1", "2"]
    assert found[1] == dict(zip(COLUMNS, ["1", "1.25", "0.2", "0.5", "0.75", "0.25", ""], strict=True))


def test_a_training_that_goes_on_keeps_the_rows_before_and_no_half_row(tmp_path):
    with recorded(tmp_path / "net.csv") as write:
        for step in STEPS:
            write(step)
    with (tmp_path / "net.csv").open("a") as file:
        file.write("3,0.9")
    with recorded(tmp_path / "net.csv", start=2) as write:
        write(Step(2, 7.0, 0.1))
    assert [(row["step"], row["loss"]) for row in rows(tmp_path / "net.csv")] == [
        ("0", "1.5"),
        ("1", "1.25"),
        ("2", "7"),
    ]


def test_another_csv_is_not_overwritten_by_a_training_that_goes_on(tmp_path):
    (tmp_path / "net.csv").write_text("step,height\n1,2\n")
    with pytest.raises(ModelError, match="other columns"), recorded(tmp_path / "net.csv", start=2):
        pass
    assert (tmp_path / "net.csv").read_text() == "step,height\n1,2\n"


def test_a_folder_that_does_not_exist_is_one_clear_error(tmp_path):
    with pytest.raises(OutputError, match="does not exist"), recorded(tmp_path / "none" / "net.csv"):
        pass


def test_a_process_that_does_not_lead_writes_nothing(tmp_path):
    with recorded(None, board=tmp_path / "board") as write:
        write(STEPS[0])
    assert not list(tmp_path.iterdir())


def test_tensorboard_reads_the_scalars_where_it_is_installed(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator  # noqa: PLC0415

    with recorded(tmp_path / "net.csv", board=tmp_path / "board") as write:
        for step in STEPS:
            write(step)
    found = EventAccumulator(str(tmp_path / "board"))
    found.Reload()
    assert [(event.step, event.value) for event in found.Scalars("loss")] == [(0, 1.5), (1, 1.25), (2, 1.0)]
    assert [(event.step, event.value) for event in found.Scalars("val_miou")] == [(1, 0.25)]
