import numpy as np

from ecosg_update.evidence.image import PIXEL_M, pictures, true_colour
from ecosg_update.formats import direct
from ecosg_update.grid import LatLonGrid
from ecosg_update.scene.discover import open_scene


def test_a_picture_of_all_cells_is_the_true_colour_and_of_some_a_part_of_it(simulated):
    folder, _ = simulated
    (path,) = (folder / "input").glob("*.SAFE")
    scene = open_scene(path)
    cells = direct.info(folder / "output" / "simulated_demo.dir").grid
    size = cells.cols * 6, cells.rows * 6
    whole = true_colour(scene, size, cells)
    part = LatLonGrid(cells.per_degree, cells.row + 10, cells.col + 20, 8, 9)
    with pictures(scene, cells, PIXEL_M) as picture:
        assert np.array_equal(picture(size, cells), whole)
        assert np.array_equal(picture((9 * 6, 8 * 6), part), whole[60 : 60 + 48, 120 : 120 + 54])
        far = LatLonGrid(cells.per_degree, 100, 100, 4, 4)
        assert (picture((5, 6), far) == 255).all()


def test_fine_pictures_show_more_than_coarse_ones(simulated):
    folder, _ = simulated
    (path,) = (folder / "input").glob("*.SAFE")
    scene = open_scene(path)
    cells = direct.info(folder / "output" / "simulated_demo.dir").grid
    part = LatLonGrid(cells.per_degree, cells.row + 10, cells.col + 20, 8, 9)
    shown = []
    for pixel_m in (10.0, PIXEL_M):
        with pictures(scene, cells, pixel_m) as picture:
            shown.append(len(np.unique(picture((200, 200), part).reshape(-1, 3), axis=0)))
    assert shown[0] > 4 * shown[1]
