"""One small finished run for all tests that look at one."""

import pytest

from diffjax.unet.run import train_run
from tests.unet.digits import EVALUATION, SMALLEST, TRAINING, digit_split


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """The folder and the dataset of a run."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    settings = {"network": SMALLEST, "training": TRAINING, "evaluation": EVALUATION}
    return folder, train_run(digit_split(), folder, **settings)
