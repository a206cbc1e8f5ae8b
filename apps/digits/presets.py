"""The named configurations of the digits app. Free of TensorFlow."""

from apps.digits.config import Config, DataConfig, LeNet5
from harness.settings import Preset, TrainingConfig

_mnist_training = TrainingConfig(
    epochs=40, batch_size=128, optimizer="adamw", learning_rate=2e-3, weight_decay=0.02, warmup_fraction=0.05,
    monitor="val_accuracy", monitor_mode="max", ema_momentum=0.995,
)  # fmt: skip

PRESETS = {
    # about 20 s on two cores; error about 2 %
    "demo": Preset(
        Config(
            data=DataConfig(source="demo", shift=1.5, rotation=8),
            training=TrainingConfig(
                epochs=30, batch_size=64, learning_rate=3e-3, monitor="val_accuracy", monitor_mode="max"
            ),
        ),
        catalogue="D1",
        title="LeNet-5, max-pool form, on the UCI digits",
    ),
    # error about 0.5 %
    "lenet5-mnist": Preset(
        Config(data=DataConfig(shift=2, rotation=10, scale=0.1), training=_mnist_training),
        catalogue="D1",
        title="LeNet-5, max-pool form, with distortions",
        literature="0.80 % error with distortions (LeCun et al. 1998)",
    ),
    # error about 0.7 %
    "lenet5-paper-mnist": Preset(
        Config(data=DataConfig(), model=LeNet5(form="paper"), training=_mnist_training),
        catalogue="D1",
        title="LeNet-5, trainable sub-sampling as in the paper",
        literature="0.95 % error (LeCun et al. 1998)",
    ),
}
DEFAULT = "lenet5-mnist"
