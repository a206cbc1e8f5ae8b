"""The named configurations of the EEG app. Free of TensorFlow."""

from apps.eeg.config import CnnLstm, Config, DataConfig, FeaturesConfig, MaxPool
from harness.settings import Preset, TrainingConfig

# Chosen on validation pairs of subjects, where narrower networks, rectifiers, batch normalisation and Adam all did worse: plain
# gradient descent learns the strong patterns first, as ridge regression does.
_uci_training = TrainingConfig(
    epochs=12, batch_size=16, optimizer="sgd", optimizer_options={"momentum": 0.9, "nesterov": 1}, learning_rate=4e-3,
    weight_decay=0.5, warmup_fraction=0.05, ema_momentum=0.99, monitor="loss", keep="last",
)  # fmt: skip
_max_pool_training = TrainingConfig(
    epochs=40, batch_size=16, learning_rate=2e-3, weight_decay=0.05, warmup_fraction=0.05, ema_momentum=0.99,
    monitor="loss", keep="last",
)  # fmt: skip
_uci_data = DataConfig(validation_subjects=0, electrode_dropout=0.0, amplitude_scale=0.1)

PRESETS = {
    # chance is 0.33
    "demo": Preset(
        Config(
            data=DataConfig(source="demo", folds=4, fold="1", validation_subjects=1, time_shift=0, mixup=0),
            features=FeaturesConfig(frame_channels="band_power", frames=7, band_power_window=0.5, image_size=12),
            model=CnnLstm(filters=(8, 0, 16, 0), lstm_units=16, temporal_filters=16, dense_units=0),
            training=TrainingConfig(
                epochs=8, batch_size=32, learning_rate=3e-3, monitor="val_accuracy", monitor_mode="max"
            ),
        ),
        catalogue="E4",
        title="ConvNet with mixed LSTM and 1-D convolution",
    ),
    "cnn-lstm-uci": Preset(
        Config(
            data=_uci_data,
            model=CnnLstm(
                filters=(16,),
                activation="linear",
                normalization=False,
                projection=192,
                lstm_units=96,
                temporal_filters=128,
                temporal_activation="linear",
            ),
            training=_uci_training,
        ),
        catalogue="E4",
        title="ConvNet with mixed LSTM and 1-D convolution, frames of amplitude and band power",
        literature="8.89 % error on another, unpublished recording of four classes (Bashivan et al. 2016)",
    ),
    "max-pool-uci": Preset(
        Config(data=_uci_data, model=MaxPool(), training=_max_pool_training),
        catalogue="E1",
        title="ConvNet with the maximum over the frames, frames of amplitude and band power",
        literature="14.80 % error on another, unpublished recording of four classes (Bashivan et al. 2016)",
    ),
}
DEFAULT = "cnn-lstm-uci"
