import json
import subprocess
import sys

import numpy as np
import pyproj
import pytest
import rasterio
from affine import Affine
from safetensors.numpy import load_file

from ecosg_update.config import checked
from ecosg_update.errors import ConfigError, OutputError, SceneError, TableError
from ecosg_update.scene.discover import open_scene
from ecosg_update.scene.read import reader
from ecosg_update.training.config import Config
from ecosg_update.training.prepare import prepare
from ecosg_update.training.store import opened
from tests.conftest import shared
from tests.training.made import adds_up, lanjaron, patches

ALL = {"train": 1, "val": 0, "test": 0, "side_km": 90, "margin_km": 0.1}
STRICT = {"border_m": 60, "mixed": True, "noise": {"action": "drop"}, "dominant_share": 0.95, "dominant_keep": 0.3}


def small():
    return {"labels": {"level": 1}, "source": [patches()], "split": ALL}


def made(folder, document, **given):
    return prepare(checked(Config, document, "test"), folder, **given)


@pytest.fixture(scope="module")
def strict(tmp_path_factory):
    folder = tmp_path_factory.mktemp("strict") / "set"
    return folder, made(folder, lanjaron(select=STRICT))


def test_every_count_of_the_manifest_adds_up(strict):
    _, manifest = strict
    adds_up(manifest["counts"])
    assert set(manifest["counts"]["dropped_pixels"]) >= {"margin between splits", "border", "mixed", "likely noise"}
    assert manifest["counts"]["pixels"] == 295 * 394
    for source in manifest["sources"]:
        adds_up(source["counts"])


def test_the_manifest_counts_what_the_shards_hold(strict):
    folder, manifest = strict
    for split in ("train", "val", "test"):
        labels = [
            array
            for path in sorted(folder.glob(f"{split}-*"))
            for name, array in load_file(path).items()
            if "labels" in name
        ]
        assert len(labels) == manifest["splits"][split]["samples"] > 0
        counts = np.bincount(np.concatenate([each[each >= 0] for each in labels]), minlength=15)
        assert sorted(manifest["splits"][split]["pixels"].values()) == sorted(counts[counts > 0].tolist())


def test_samples_of_different_splits_lie_apart(strict):
    """Tiles are at least 32 x 30 m wide: centres are that and the margin apart, by PROJ's geodesic."""
    store = opened(strict[0])
    lon, lat = np.array([(line.lon, line.lat) for line in store.index]).T
    split = np.array([line.split for line in store.index])
    one, other = np.nonzero(split[:, None] < split[None])
    _, _, metres = pyproj.Geod(ellps="WGS84").inv(lon[one], lat[one], lon[other], lat[other])
    assert len(metres) > 100 and metres.min() >= 300 + 32 * 30 - 1


def test_the_set_is_read_as_it_was_prepared(strict):
    folder, manifest = strict
    store = opened(folder)
    assert store.legend.name == "corine-l2" and store.pixel_m == 30 and store.level == "L2A"
    assert store.bands == ("B02", "B03", "B04", "B8A", "B11", "B12")
    assert store.weights("train").mean() == pytest.approx(1) and store.weights("train").std() > 0.1
    assert store.manifest["counts"] == manifest["counts"]
    sample = store.samples("train")[0]
    assert min(sample.labels.shape) >= 32 and 0.01 < sample.values.mean() < 0.4


def test_the_same_configuration_gives_the_same_bytes(strict, tmp_path):
    folder, _ = strict
    made(tmp_path / "again", lanjaron(select=STRICT))
    for path in folder.iterdir():
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes(), path.name


def test_raster_and_polygons_of_one_map_give_one_set(tmp_path):
    polygons, raster = lanjaron(), lanjaron()
    raster["source"][0]["labels"] = str(shared("landsat8_clc_lanjaron", "clc2018_level3_30m.tif"))
    first, second = made(tmp_path / "a", polygons), made(tmp_path / "b", raster)
    assert first["sources"][0]["pixels_sha256"] == second["sources"][0]["pixels_sha256"]


def test_a_users_legend_and_grouping_work_end_to_end(tmp_path):
    (tmp_path / "mine.csv").write_text("code,name\n10,trees\n20,olives and fruit\n30,open\n")
    (tmp_path / "groups.csv").write_text(
        "code,group\n311,trees\n312,10\n313,trees\n222,20\n223,20\n323,open\n333,open\n"
    )
    labels = {"legend": str(tmp_path / "mine.csv"), "grouping": str(tmp_path / "groups.csv")}
    document = lanjaron()
    document["labels"] = labels
    manifest = made(tmp_path / "set", document)
    assert opened(tmp_path / "set").legend.codes == (10, 20, 30)
    assert manifest["counts"]["dropped_pixels"]["no label"] > 0
    assert set(manifest["splits"]["train"]["pixels"]) <= {"10 trees", "20 olives and fruit", "30 open"}
    adds_up(manifest["counts"])


def test_any_raster_with_a_legend_and_a_grouping_is_a_source(tmp_path):
    """A map of another nomenclature, in degrees: two codes, west and east of a meridian, and no data in the north."""
    codes = np.full((40, 60), 7, np.uint8)
    codes[:, 30:] = 200
    codes[:20] = 255
    place = Affine(0.004, 0, -3.577, 0, -0.004, 37.0)
    profile = {"driver": "GTiff", "dtype": "uint8", "count": 1, "width": 60, "height": 40, "nodata": 255}
    with rasterio.open(tmp_path / "map.tif", "w", crs="EPSG:4326", transform=place, **profile) as file:
        file.write(codes, 1)
    (tmp_path / "theirs.csv").write_text("code,name\n7,shrubs\n200,sea\n")
    (tmp_path / "groups.csv").write_text("code,group\n7,Forest and semi natural areas\n200,5\n")
    document = lanjaron(labels={"level": 1}, split=ALL)
    document["source"][0] |= {
        "labels": str(tmp_path / "map.tif"),
        "legend": str(tmp_path / "theirs.csv"),
        "grouping": str(tmp_path / "groups.csv"),
    }
    manifest = made(tmp_path / "set", document)
    adds_up(manifest["counts"])
    found = manifest["splits"]["train"]["pixels"]
    assert set(found) == {"3 Forest and semi natural areas", "5 Water bodies"}
    assert manifest["counts"]["dropped_pixels"].keys() == {"no label"}


def test_cloud_of_a_real_scene_is_dropped_and_counted(tmp_path):
    product = next(shared("safe_l2a_29UNU_N0400").glob("*.SAFE"))
    with reader(open_scene(product), ("B04", "B8A"), 60, resample=True) as pixels:
        rows, cols = (slice(0, size) for size in pixels.grid.shape)
        seen = pixels.read(rows, cols)
    profile = {"driver": "GTiff", "dtype": "uint8", "count": 1, "width": cols.stop, "height": rows.stop}
    with rasterio.open(
        tmp_path / "map.tif", "w", crs=seen.grid.crs, transform=seen.grid.transform, **profile
    ) as file:
        file.write(np.full(seen.valid.shape, 12, np.uint8), 1)
    document = {
        "samples": {"bands": ["B4", "B8A"], "pixel_m": 60, "tile": 512},
        "labels": {"level": 1},
        "source": [{"kind": "scene", "path": str(product), "labels": str(tmp_path / "map.tif")}],
        "select": {"least_labelled": 0},
        "split": ALL,
    }
    counts = made(tmp_path / "set", document)["counts"]
    empty = ~seen.values.any(axis=0)
    dropped = counts["dropped_pixels"]
    assert dropped["cloud"] == (~seen.valid & ~empty).sum() > 0
    assert dropped.get("no data", 0) == empty.sum()
    adds_up(counts)


def test_leaving_a_country_out_leaves_nothing_of_it_in_training(tmp_path):
    document = {
        "labels": {"level": 2},
        "source": [patches(metadata=str(shared("bigearthnet_metadata", "metadata.parquet")))],
        "split": {"kind": "countries", "test_countries": ["Ireland"], "side_km": 20},
    }
    manifest = made(tmp_path / "set", document)
    assert manifest["splits"]["test"]["countries"] == ["Ireland"] and manifest["splits"]["test"]["samples"] == 3
    assert "Ireland" not in manifest["splits"]["train"]["countries"] + manifest["splits"]["val"]["countries"]
    assert manifest["least_distance_km"] is None


def test_the_published_split_is_kept_with_borders_of_countries_unasked(tmp_path):
    document = {
        "labels": {"level": 1},
        "source": [patches(metadata=str(shared("bigearthnet_metadata", "metadata.parquet")))],
        "split": {"kind": "published"},
    }
    manifest = made(tmp_path / "set", document)
    assert [manifest["splits"][name]["samples"] for name in ("train", "val", "test")] == [2, 0, 5]
    present = [sample.present for sample in opened(tmp_path / "set").samples("test")]
    assert all(each is not None and each.any() for each in present)


def test_memory_does_not_grow_with_the_set(tmp_path):
    """A set of twelve times the pixels takes no more memory: measured in processes of their own."""
    program = (
        "import json, resource, sys; from pathlib import Path; from ecosg_update.config import checked; "
        "from ecosg_update.training.config import Config; from ecosg_update.training.prepare import prepare; "
        "prepare(checked(Config, json.loads(sys.argv[1]), 'x'), Path(sys.argv[2]), shard_bytes=2**20); "
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    peaks = []
    for copies in (1, 12):
        document = lanjaron(samples={"tile": 128}, split=ALL)
        document["source"][0]["labels"] = str(shared("landsat8_clc_lanjaron", "clc2018_level3_30m.tif"))
        document["source"] = document["source"] * copies
        arguments = [json.dumps(document), str(tmp_path / str(copies))]
        done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True)
        peaks.append(int(done.stdout))
    stored = sum(path.stat().st_size for path in (tmp_path / "12").iterdir()) / 1024
    assert peaks[1] - peaks[0] < stored / 3, f"{peaks} KiB for {stored} KiB"


def test_a_set_without_training_samples_says_why(tmp_path):
    with pytest.raises(ConfigError, match=r"no sample is left to train on; of 7 pieces none were dropped, 7 are in"):
        made(tmp_path / "set", small() | {"split": {"train": 0, "val": 0, "test": 1}})
    assert not list(tmp_path.iterdir())


def test_an_existing_folder_is_kept_unless_it_may_go(tmp_path):
    (tmp_path / "set").mkdir()
    with pytest.raises(OutputError, match="exists already"):
        made(tmp_path / "set", small())
    made(tmp_path / "set", small(), overwrite=True)
    assert opened(tmp_path / "set").samples("train")


def test_codes_that_are_no_classes_stop_the_job(tmp_path):
    document = lanjaron()
    document["source"][0] |= {"legend": "dynamicworld", "grouping": str(tmp_path / "g.csv")}
    (tmp_path / "g.csv").write_text("code,group\n1,11\n")
    with pytest.raises(TableError, match=r"codes \[.*\] are no classes of dynamicworld"):
        made(tmp_path / "set", document)
    assert [path.name for path in tmp_path.iterdir()] == ["g.csv"]


def test_sources_that_lack_optional_bands_stand_beside_one_that_has_them(tmp_path):
    """The same image twice, once without its infrared: NaN there, and the pixels of the other to the last digit."""
    bands = ["B02", "B03", "B04", "B8A", "B11", "B12"]
    document = lanjaron(split=ALL, samples={"optional": ["B8A", "B11", "B12"], "bands": bands}, select=STRICT)
    whole = document["source"][0]
    with rasterio.open(whole["path"]) as full:
        profile = full.profile | {"count": 3}
        with rasterio.open(tmp_path / "three.tif", "w", **profile) as part:
            part.write(full.read([1, 2, 3]))
    fewer = whole | {"path": str(tmp_path / "three.tif"), "bands": bands[:3], "name": "three"}
    manifest = made(tmp_path / "set", document | {"source": [whole | {"name": "six"}, fewer]})
    assert manifest["sources"][1]["notes"][-3:] == [f"the scene has no {band}" for band in bands[3:]]
    adds_up(manifest["counts"])
    store = opened(tmp_path / "set")
    found = {line.name: one for line, one in zip(store.entries("train"), store.samples("train"), strict=True)}
    pairs = [(found[name], found[name.replace("three/", "six/")]) for name in found if name.startswith("three/")
             and name.replace("three/", "six/") in found]  # fmt: skip
    assert len(pairs) > 3
    for three, six in pairs:
        assert np.isnan(three.values[3:]).all() and np.isfinite(six.values).all()
        np.testing.assert_array_equal(three.values[:3], six.values[:3])
    with pytest.raises(SceneError, match="B8A, B11 wanted"):
        document["samples"]["optional"] = ["B12"]
        made(tmp_path / "other", document | {"source": [fewer]})


def test_optional_bands_are_some_of_the_samples():
    for wrong in (["B09"], ["B02", "B03", "B04", "B8A", "B11", "B12"]):
        with pytest.raises(ConfigError, match="optional takes some of the bands, not all"):
            checked(Config, lanjaron(samples={"optional": wrong}), "test")
