import pytest
import torch


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Crops this small are slower on several threads, and results on one are the same everywhere."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
