"""The named configurations of the cifar10 app. Free of TensorFlow."""

from apps.cifar10.config import Config, DataConfig, ResidualNetwork
from harness.settings import Preset, TrainingConfig

_cifar10_training = TrainingConfig(
    epochs=9, batch_size=512, optimizer="sgd", optimizer_options={"momentum": 0.9, "nesterov": 1},
    learning_rate=1.0, schedule="linear", warmup_fraction=0.25, weight_decay=0.005,
    monitor="val_accuracy", monitor_mode="max", keep="last",
)  # fmt: skip

PRESETS = {
    # accuracy about 99 %
    "demo": Preset(
        Config(
            data=DataConfig(source="demo", validation_fraction=0.1),
            model=ResidualNetwork(widths=(16, 32, 64), activation="relu", label_smoothing=0.05),
            training=TrainingConfig(
                epochs=6,
                batch_size=64,
                optimizer="sgd",
                optimizer_options={"momentum": 0.9, "nesterov": 1},
                learning_rate=0.4,
                schedule="linear",
                warmup_fraction=0.2,
                weight_decay=0.005,
                monitor="val_accuracy",
                monitor_mode="max",
            ),
        ),
        catalogue="C4",
        title="Residual network, basic blocks, on synthetic textured shapes",
    ),
    # about 92 % accuracy, 10 reference minutes
    "residual-cifar10": Preset(
        Config(training=_cifar10_training),
        catalogue="C4",
        title="Residual network, basic blocks",
        literature="8.75 % error, ResNet-20, 164 epochs (He et al. 2016)",
    ),
    "residual-bottleneck-cifar10": Preset(
        Config(model=ResidualNetwork(block="bottleneck", widths=(64, 128, 256), blocks=2), training=_cifar10_training),
        catalogue="C4",
        title="Residual network, 1x1-3x3-1x1 bottleneck blocks",
        literature="6.43 % error, ResNet-110 (He et al. 2016)",
    ),
}
DEFAULT = "residual-cifar10"
