"""How often the classifier of EuroSAT's patches, and an engine read pixel by pixel, are right on validation patches.

    python tools/score_eurosat.py SETS CLASSIFIER.safetensors [ENGINE.safetensors]

SETS comes from tools/engine_set.py. The classifier's answer for a patch is the class with the largest mean logit;
read pixel by pixel it is a segmentation network. The engine sees red, green and blue alone, at levels 2 and 1.
The split is EuroSAT's as files.csv has it; patches carry no place, so neighbours may stand in both splits.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from ecosg_update.sample import Sample
from ecosg_update.segment import checkpoint
from ecosg_update.segment.train.validate import evaluated, logits
from ecosg_update.training.store import opened


def classifier(path: Path, sets: Path) -> dict[str, float]:
    """Shares of right patches and right pixels, ten classes."""
    network, card = checkpoint.trained(path)
    right: dict[str, list[float]] = defaultdict(list)
    with evaluated(network):
        for sample in _validation(sets / "eurosat"):
            assert sample.present is not None
            true = int(sample.present.argmax())
            found = logits(network, sample, card)  # (class, y, x)
            right["patches, 10 classes"].append(float(found.mean(dim=(1, 2)).argmax() == true))
            right["pixels, 10 classes"].append(float((found.argmax(dim=0) == true).float().mean()))
    return {name: float(np.mean(shares)) for name, shares in right.items()}


def engine(path: Path, sets: Path) -> dict[str, float]:
    """Shares of right pixels and of patches whose mean probability is right, at levels 2 and 1."""
    network, card = checkpoint.trained(path)
    codes = np.array(card.codes)
    right: dict[str, list[float]] = defaultdict(list)
    with evaluated(network):
        for sample in _validation(sets / "mixed"):
            found = logits(network, sample, card).softmax(dim=0).numpy()
            true = codes[sample.labels[0, 0]]
            for name, divisor in (("level 2", 1), ("level 1", 10)):
                groups = sorted(set((codes // divisor).tolist()))
                chances = np.stack([found[codes // divisor == group].sum(axis=0) for group in groups])
                at = groups.index(true // divisor)
                right[f"pixels, {name}"].append(float((chances.argmax(axis=0) == at).mean()))
                right[f"patches, {name}"].append(float(chances.mean(axis=(1, 2)).argmax() == at))
    return {name: float(np.mean(shares)) for name, shares in right.items()}


def _validation(folder: Path) -> Iterator[Sample]:
    yield from opened(folder).samples("val")


def main(sets: Path, first: Path, second: Path | None) -> None:
    """Print both."""
    torch.set_num_threads(2)
    for path, figures in ((first, classifier(first, sets)), (second, engine(second, sets) if second else {})):
        for name, share in figures.items():
            print(f"{path}: {name}: {share:.3f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]) if len(sys.argv) > 3 else None)
