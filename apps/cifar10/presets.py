"""The named configurations of the cifar10 app. Free of TensorFlow."""

from apps.cifar10.config import Config, DataConfig, ResidualNetwork, SpeedrunNetwork
from harness.settings import Preset, TrainingConfig

_cifar10_training = TrainingConfig(
    epochs=9, batch_size=512, optimizer="sgd", optimizer_options={"momentum": 0.9, "nesterov": 1},
    learning_rate=1.0, schedule="linear", warmup_fraction=0.25, weight_decay=0.005,
    monitor="val_accuracy", monitor_mode="max", keep="last",
)  # fmt: skip

_speedrun_data = DataConfig(validation_fraction=0.0, alternating_flip=True)

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
    # 8 epochs published: 94.01 % (200 runs). Nothing is chosen by validation: all 50,000 pictures train.
    "speedrun-cifar10": Preset(
        Config(
            data=_speedrun_data,
            model=SpeedrunNetwork(),
            training=TrainingConfig(
                epochs=14, batch_size=2000, optimizer="convolution_muon",
                optimizer_options={
                    "momentum": 0.6, "sgd_momentum": 0.85, "vector_rate": 442.0, "matrix_rate": 0.0852,
                    "decay": 0.0167, "whitening_steps": 125,
                },
                learning_rate=0.24, schedule="linear", monitor="loss", keep="last",
            ),
        ),
        catalogue="C8",
        title="Speed-run network: whitening, partial identities, Muon",
        literature="94.01 % accuracy, airbench94_muon, 8 epochs (Jordan et al. 2024)",
    ),
    # 9.9 epochs published, with Lookahead instead of the moving average: 94.01 % (1,000 runs)
    "speedrun-nesterov-cifar10": Preset(
        Config(
            data=_speedrun_data,
            model=SpeedrunNetwork(),
            training=TrainingConfig(
                epochs=10, batch_size=1024, optimizer="nesterov_by_rank",
                optimizer_options={
                    "momentum": 0.85, "sgd_momentum": 0.85, "vector_rate": 64.0, "matrix_rate": 0.0123,
                    "decay": 0.00133, "whitening_steps": 144,
                },
                learning_rate=1.5, schedule="linear", warmup_fraction=0.23, final_learning_rate=0.105,
                ema_momentum=0.95, monitor="loss", keep="last",
            ),
        ),
        catalogue="C8",
        title="Speed-run network: whitening, partial identities, Nesterov SGD and moving average",
        literature="94.01 % accuracy, airbench94, 9.9 epochs (Jordan 2024)",
    ),
}  # fmt: skip
DEFAULT = "residual-cifar10"
