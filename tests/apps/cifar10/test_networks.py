"""Every network of the app: size, cost, receptive field, fully convolutional form."""

from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

from apps.cifar10 import data, models, views
from apps.cifar10.app import APP
from apps.cifar10.config import (
    MLP,
    VGG,
    AlexNet,
    AutoencoderClassifier,
    Config,
    DataConfig,
    DenseNet,
    InceptionNetwork,
    MobileNet,
    ResidualNetwork,
    SpeedrunNetwork,
    Transfer,
    Xception,
)
from apps.cifar10.cost import layer_costs, output_size
from apps.cifar10.grad_cam import grad_cam
from apps.cifar10.heat_map import heat_map, is_convolutional
from apps.cifar10.models.autoencoder import build_autoencoder
from apps.cifar10.models.inception import branch_widths
from apps.cifar10.presets import DEFAULT, PRESETS
from datasets.errors import DataError
from harness.optimizers import build_optimizer
from shared_layers.convolution.fully_convolutional import fully_convolutional
from shared_layers.convolution.local_response_normalization import LocalResponseNormalization

SMALL = {
    "residual": ResidualNetwork(widths=(4, 8)),
    "bottleneck": ResidualNetwork(block="bottleneck", widths=(4, 8)),
    "speedrun": SpeedrunNetwork(widths=(4, 8)),
    "speedrun_deep": SpeedrunNetwork(widths=(4, 8), convolutions=3),
    "alexnet": AlexNet(widths=(4, 6, 6, 4, 4), units=10),
    "vgg": VGG(widths=(4, 8)),
    "inception": InceptionNetwork(stem=4, widths=(16, 32), modules=1),
    "densenet": DenseNet(layers=2, growth_rate=3),
    "mobilenet": MobileNet(stem=4, widths=(6, 8, 8)),
    "xception": Xception(stem=4, widths=(6, 8)),
    "code_classifier": AutoencoderClassifier(widths=(4, 6), code=8, units=6),
    "mlp": MLP(units=12),
}


def networks(*short: str) -> list:
    """Returns every convolutional network's name; all but those of `short` are for the long suite."""
    return [
        pytest.param(name, marks=[] if name in short else [pytest.mark.long]) for name in sorted(set(SMALL) - {"mlp"})
    ]


def spec(size: int = 32) -> dict:
    return {
        "class_names": ["cat", "dog", "eel"], "size": size, "mean": [120.0] * 3, "standard_deviation": [60.0] * 3,
        "patch_covariance": np.eye(12).tolist(),
    }  # fmt: skip


def built(name: str, size: int = 32) -> keras.Model:
    keras.utils.set_random_seed(0)
    if name == "autoencoder":
        model = build_autoencoder(SMALL["code_classifier"], spec(size))
    elif name == "unusual":
        model = unusual(size)
    else:
        model = models.build(Config(model=SMALL[name]), spec(size))
    generator = np.random.default_rng(1)
    for variable in model.trainable_variables:  # so that no residual is zero, as at the start
        variable.assign(variable + 0.1 * generator.standard_normal(variable.shape))
    return model


def unusual(size: int) -> keras.Model:
    """What no network of the catalogue has: a sequential model, dilation, groups, several outputs a channel, Dense on maps."""
    layers = keras.layers
    return keras.Sequential([
        keras.Input((size, size, 3)),
        layers.Conv2D(6, 3, dilation_rate=2, groups=3),
        layers.DepthwiseConv2D(3, strides=2, depth_multiplier=2, padding="same"),
        layers.Dense(5),
        layers.DepthwiseConv2D(3, dilation_rate=3),
        layers.Conv2D(4, 2, dilation_rate=2, padding="same"),
        layers.GlobalAveragePooling2D(),
    ])  # fmt: skip


def pictures(count: int, size: int = 32) -> np.ndarray:
    return np.random.default_rng(0).uniform(0, 255, (count, size, size, 3)).astype(np.float32)


def test_every_row_of_the_catalogue_has_a_preset():
    assert DEFAULT in PRESETS
    rows = {*(f"C{row}" for row in (1, 2, 3, 4, 5, 6, 8, 9, 10)), "C-transfer"}
    assert {preset.catalogue for preset in PRESETS.values()} == rows
    kinds = {type(preset.config.model) for preset in PRESETS.values()}
    assert kinds == {Transfer, *(type(model) for model in SMALL.values())}
    for preset in PRESETS.values():
        build_optimizer(preset.config.training, 10)


def check_sizes_and_weights(rows: list, model: keras.Model) -> None:
    """Compares the formulas' output sizes and the sum of the weights with the shapes that Keras infers."""
    for row in rows:
        shape = model.get_layer(row.name).output.shape
        ours = (row.state.height, row.state.width, row.state.channels) if len(shape) == 4 else (row.state.channels,)
        assert tuple(shape[1:]) == ours, row.name
    assert sum(row.parameters for row in rows) == model.count_params()


@pytest.mark.parametrize("name", [*sorted(SMALL), "autoencoder", "unusual"])
def test_sizes_and_weights_are_keras_own(name):
    model = built(name)
    check_sizes_and_weights(layer_costs(model), model)


@pytest.mark.parametrize("name", networks("alexnet", "densenet"))
def test_sizes_and_weights_of_the_fully_convolutional_form_are_keras_own(name):
    """The sizes are those that Keras infers for a copy on pictures of that size; on the classifier's own it costs what that costs."""
    model = built(name)
    maps = fully_convolutional(model)
    copy = keras.models.clone_model(maps, input_tensors=keras.Input((40, 56, 3)))
    check_sizes_and_weights(layer_costs(maps, (40, 56)), copy)
    work, of_maps = (
        [row.state.multiply_adds for row in rows] for rows in (layer_costs(model), layer_costs(maps, (32, 32)))
    )
    assert of_maps == work
    with pytest.raises(ValueError, match="pass the height and width"):
        layer_costs(maps)


def profiled(model: keras.Model, size: int = 32) -> int:
    """Multiply-adds of the convolutions and matrix products of the graph, by TensorFlow's profiler."""
    function = tf.function(lambda x: model(x, training=False)).get_concrete_function(tf.TensorSpec([1, size, size, 3]))
    options = tf.compat.v1.profiler.ProfileOptionBuilder.float_operation()
    options["output"] = "none"
    graph = tf.compat.v1.profiler.profile(function.graph, cmd="op", options=options)
    wanted = ("Conv2D", "Conv2DBackpropInput", "DepthwiseConv2dNative", "MatMul")
    return sum(child.total_float_ops - sum(c.total_float_ops for c in child.children) for child in operations(graph)
               if child.name in wanted) // 2  # fmt: skip


def operations(node):
    yield node
    for child in node.children:
        yield from operations(child)


@pytest.mark.parametrize("name", [*networks("alexnet", "inception"), "mlp", "autoencoder"])
def test_multiply_adds_are_those_of_tensorflows_profiler(name):
    """But for local response normalisation, which the formulas leave out: its sum over neighbours is a product with a band of ones."""
    model = built(name)
    shapes = [layer.output.shape for layer in model.layers if isinstance(layer, LocalResponseNormalization)]
    normalizing = sum(height * width * channels**2 for _, height, width, channels in shapes)
    assert sum(row.state.multiply_adds for row in layer_costs(model)) + normalizing == profiled(model)


def test_every_weight_of_a_kernel_is_multiplied_once_a_place_of_the_output():
    """Whatever dilation and groups are."""
    model = built("unusual")
    for layer, row in zip(model.layers[:-1], layer_costs(model)[:-1], strict=True):
        _, height, width, _ = layer.output.shape
        assert row.state.multiply_adds == height * width * layer.kernel.numpy().size, row.name


@pytest.mark.parametrize("name", [*networks("inception", "speedrun_deep"), "unusual"])
def test_receptive_field_is_what_the_gradient_reaches(name):
    """The pixels that the gradient of one place of a layer reaches, over many pictures, against the formula."""
    model = built(name, 48)
    rows = [row for row in layer_costs(model) if len(model.get_layer(row.name).output.shape) == 4]
    row = [row for row in rows if row.state.receptive_field <= 32][-1]
    assert row.state.receptive_field > 6
    part = keras.Model(model.inputs, model.get_layer(row.name).output)
    x = tf.constant(pictures(40, 48))
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(x)
        middle = part(x)[:, row.state.height // 2, row.state.width // 2]
        total = tf.reduce_sum(middle * np.random.default_rng(2).uniform(1, 2, middle.shape))
    reached = np.abs(tape.gradient(total, x)).max(axis=(0, 3)) > 0
    for axis in (0, 1):
        [places] = np.nonzero(reached.any(axis=axis))
        assert np.ptp(places) + 1 == row.state.receptive_field, row.name


@pytest.mark.parametrize(
    ("layer", "said"),
    [
        (keras.layers.Conv2D(2, (1, 7), name="wide"), "wide: 1 x 7, but only"),
        (keras.layers.DepthwiseConv2D(3, dilation_rate=(1, 2), name="wide"), "wide: 1 x 2, but only"),
        (keras.layers.MaxPooling2D((2, 1), name="high"), "high: 2 x 1, but only"),
        (keras.layers.Conv2DTranspose(2, (3, 1), name="high"), "high: 3 x 1, but only"),
        (keras.layers.Conv2DTranspose(2, 3, dilation_rate=2, name="up"), "up: a transposed convolution with dilation"),
    ],
)
def test_what_the_formulas_do_not_hold_for_is_named(layer, said):
    with pytest.raises(ValueError, match=said):
        layer_costs(keras.Sequential([keras.Input((32, 32, 3)), layer]))


@pytest.mark.parametrize(("padding", "strides"), [("same", 1), ("same", 2), ("valid", 1), ("valid", 3)])
def test_output_size_is_keras_own(padding, strides):
    for size in range(5, 20):
        for kernel in (1, 2, 3, 5):
            layer = keras.layers.Conv2D(1, kernel, strides=strides, padding=padding)
            assert output_size(size, kernel, strides, padding) == layer.compute_output_shape((1, size, size, 1))[1]


@pytest.mark.parametrize("width", [16, 100, 128, 384])
def test_inception_branches_share_the_width(width):
    one, _, three, _, five, projection = branch_widths(width)
    assert one + three + five + projection == width


@pytest.mark.parametrize("name", networks("alexnet", "speedrun"))
def test_fully_convolutional_form_agrees_with_the_classifier(name):
    model = built(name)
    maps = fully_convolutional(model)
    x = pictures(2)
    outputs = maps(x)
    assert outputs.shape == (2, 1, 1, 3)
    np.testing.assert_allclose(outputs[:, 0, 0], model(x), atol=1e-4)
    [wide] = heat_map(maps, tf.constant(np.zeros((1, 50, 72, 3), np.uint8)))
    assert wide.shape[0] > 1 and wide.shape[1] > wide.shape[0]
    np.testing.assert_allclose(np.sum(wide, axis=-1), 1.0, atol=1e-5)
    model.trainable_variables[0].assign_add(np.ones(model.trainable_variables[0].shape))
    np.testing.assert_allclose(maps(x)[:, 0, 0], model(x), atol=1e-4)  # the weights are shared


def test_a_heat_map_finds_where_the_class_is():
    """A dark picture with one bright corner, a network whose first class is brightness."""
    config = Config(model=VGG(widths=(2, 2), convolutions=1, activation="linear"))
    model = models.build(config, spec())
    for layer in model.layers:
        if hasattr(layer, "convolution"):
            layer.convolution.kernel.assign(np.ones(layer.convolution.kernel.shape) / 27)
    model.get_layer("classifier").kernel.assign([[4.0, 0, 0], [4.0, 0, 0]])
    picture = np.zeros((96, 128, 3), np.uint8)
    picture[:40, 88:] = 255
    found = np.asarray(heat_map(fully_convolutional(model), tf.constant(picture[None])))[0, ..., 0]
    assert np.unravel_index(found.argmax(), found.shape)[0] < found.shape[0] / 3
    assert found[0, -1] > 0.9 and found[-1, 0] < 0.5 and found[-1, -1] < 0.5


def test_grad_cam_is_the_class_activation_map_where_features_are_averaged():
    """With a global average before a linear classifier it is that map (Zhou et al. 2016), over the number of places."""
    model, images, classes = built("densenet"), pictures(4), np.array([0, 1, 2, 1])
    features = keras.Model(model.inputs, model.get_layer("activation").output)(images).numpy()
    kernel = np.asarray(model.get_layer("classifier").kernel)
    places = features.shape[1] * features.shape[2]
    expected = np.stack([features[i] @ kernel[:, c] for i, c in enumerate(classes)]) / places
    np.testing.assert_allclose(grad_cam(model, images, classes), np.maximum(expected, 0), atol=1e-5)


def test_a_perceptron_has_no_such_form():
    assert grad_cam(built("mlp"), pictures(1), np.array([0])) is None
    assert not is_convolutional(Config(model=MLP())) and is_convolutional(Config(model=AlexNet()))


@pytest.mark.long
@pytest.mark.parametrize(
    "preset",
    [name for name, preset in PRESETS.items() if name != "demo" and preset.catalogue not in ("C10", "C-transfer")],
)
def test_every_preset_learns_some_pictures_by_heart(preset):
    """Narrow forms without dropout, sixty steps of the same 64 pictures with the preset's own optimizer."""
    published = PRESETS[preset].config
    narrow = next(model for model in SMALL.values() if type(model) is type(published.model))
    wider = {name: tuple(4 * width for width in narrow.widths) for name in ("widths",) if hasattr(narrow, name)}
    wider |= {
        name: value
        for name, value in {"units": 128, "growth_rate": 12, "dropout": 0.0}.items()
        if hasattr(narrow, name)
    }
    config = Config(
        data=DataConfig(source="demo", validation_fraction=0.0, limit=64, flip=False, shift=0),
        model=replace(narrow, **wider),
        training=replace(published.training, batch_size=64, ema_momentum=None),
    )
    prepared = data.prepare(config)
    [phase] = APP.phases(config, prepared.spec, prepared)
    keras.utils.set_random_seed(0)
    model = phase.build(None)
    model.compile(build_optimizer(config.training, 60), **phase.compile_arguments())
    train = prepared.splits["train"]
    model.fit(phase.batches(train, True), steps_per_epoch=60, verbose=0)
    answers = views.answer(config, model, tf.constant(train.images)).numpy().argmax(1)
    assert (answers == train.labels).mean() > 0.4


def test_pictures_that_a_network_cannot_take_are_refused():
    for model, size in ((AlexNet(), 14), (VGG(), 7), (DenseNet(), 7)):
        with pytest.raises(DataError, match=f"--data.size {size}: .* pass {size + 1} or more"):
            data.prepare(Config(data=DataConfig(source="demo", size=size, shift=0), model=model))
