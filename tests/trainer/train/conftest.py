"""What tests of the four trainings share: people to learn from, and what was prepared of them."""

from pathlib import Path

import pytest

from dinar.trainer.data.prepared_views import ViewPreparer, ViewStore
from dinar.trainer.models.presets import TINY
from dinar.trainer.train.run.processes import Processes, open_processes

from ..data.dataset.small_people import open_body
from .small_training_people import make_people


@pytest.fixture(scope="session")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The dataset, with a folder `kept` beside it. No test may change it."""
    folder = tmp_path_factory.mktemp("trainings")
    (folder / "kept").mkdir()
    return make_people(folder / "people")


@pytest.fixture(scope="session")
def kept(people: Path) -> Path:
    """What the tests before have prepared of each view."""
    return people.parent / "kept"


@pytest.fixture(scope="session")
def views(people: Path, kept: Path) -> ViewStore:
    body = open_body()
    return ViewStore(ViewPreparer(body, TINY.texture_size), people, kept, f"{body.hash} {TINY.texture_size}")


@pytest.fixture(scope="session")
def here() -> Processes:
    return open_processes("32")
