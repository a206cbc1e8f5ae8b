"""What is wrong with an optimizer's name or options is said by the flag that gave it."""

import pytest

from harness.optimizers import build_optimizer
from harness.settings import TrainingConfig


@pytest.mark.parametrize(
    ("training", "said"),
    [
        (TrainingConfig(optimizer="sdg"), r"--training\.optimizer sdg is no Keras optimizer"),
        (
            TrainingConfig(optimizer="sgd", optimizer_options={"beta_1": 0.9}),
            r"--training\.optimizer-options: SGD .*beta_1",
        ),
    ],
)
def test_a_wrong_name_or_option_names_its_flag(training, said):
    with pytest.raises(ValueError, match=said):
        build_optimizer(training, 10)
