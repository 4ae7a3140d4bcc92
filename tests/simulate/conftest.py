"""One landscape for all tests here: large enough for every class and mistake, small enough to be quick."""

import pytest

from ecosg_update.simulate.landscape import Landscape, landscape

SIDE = 600


@pytest.fixture(scope="session")
def land() -> Landscape:
    return landscape(11, size=SIDE)
