"""Which devices train: the distribution strategy, the precision and determinism."""

from __future__ import annotations

import contextlib
import json
import os
from typing import Any

import keras
import tensorflow as tf


def open_strategy(name: str, cpu_devices: int | None = None) -> tf.distribute.Strategy | None:
    """Returns the strategy to train under, or None for plain single-device training.

    Args:
        name: "auto" (every visible GPU, if there are several), "one", "mirrored" or "multiworker" (through TF_CONFIG).
        cpu_devices: split the CPU into so many logical devices and mirror over them; how distribution is tried without a GPU.

    Raises:
        ValueError: "multiworker" without a TF_CONFIG that can be read, or devices asked for too late.
    """
    if cpu_devices:
        cpu = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * cpu_devices)
    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)
    if name == "multiworker":
        if not os.environ.get("TF_CONFIG"):
            raise ValueError(
                "--strategy multiworker needs TF_CONFIG in the environment: the workers' addresses and this one's task"
            )
        try:
            json.loads(os.environ["TF_CONFIG"])
        except ValueError as error:
            raise ValueError(
                f"TF_CONFIG is not JSON ({error}); write it as TensorFlow's guide to MultiWorker says"
            ) from None
        return tf.distribute.MultiWorkerMirroredStrategy()
    if name == "one" or (name == "auto" and len(gpus) < 2 and not cpu_devices):
        return None
    kind = "GPU" if gpus and not cpu_devices else "CPU"
    return tf.distribute.MirroredStrategy([device.name for device in tf.config.list_logical_devices(kind)])


def scope(strategy: tf.distribute.Strategy | None) -> contextlib.AbstractContextManager:
    """Returns the strategy's scope, or a context that does nothing."""
    return strategy.scope() if strategy else contextlib.nullcontext()


def is_chief(strategy: tf.distribute.Strategy | None) -> bool:
    """Tells whether this process writes the run folder."""
    resolver = strategy.cluster_resolver if strategy else None
    if resolver is None or not resolver.task_type:
        return True
    return resolver.task_type == "chief" or (resolver.task_type == "worker" and resolver.task_id == 0)


def set_up(seed: int, precision: str, deterministic: bool = True) -> None:
    """Sets every seed, op determinism and the dtype policy; call before anything is built.

    Determinism once asked for stays on in the process: TensorFlow has no public way back.
    """
    keras.utils.set_random_seed(seed)
    if deterministic:
        tf.config.experimental.enable_op_determinism()
    keras.config.set_dtype_policy(precision)


def environment() -> dict[str, Any]:
    """Returns the machine and the libraries, for environment.json."""
    import platform

    cpu = platform.processor() or platform.machine()
    with contextlib.suppress(OSError), open("/proc/cpuinfo", encoding="utf-8") as lines:
        cpu = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), cpu)
    gpus = tf.config.list_physical_devices("GPU")
    names = [tf.config.experimental.get_device_details(gpu).get("device_name", gpu.name) for gpu in gpus]
    return {
        "machine": {"cpu": cpu, "cores": len(os.sched_getaffinity(0)), "gpu": ", ".join(names) or None},
        "libraries": {"python": platform.python_version(), "tensorflow": tf.__version__, "keras": keras.__version__},
    }


def matmul_gflops(size: int = 2048, repeats: int = 12) -> float:
    """Returns the median speed of a float32 matrix product on the default device, in GFLOP/s: the yardstick of reference minutes."""
    import statistics
    import time

    matrix = tf.random.stateless_normal((size, size), seed=(0, 0))
    product = tf.function(lambda x: tf.reduce_sum(tf.linalg.matmul(x, x)))
    product(matrix).numpy()
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        product(matrix).numpy()
        seconds.append(time.perf_counter() - start)
    return 2 * size**3 / statistics.median(seconds) / 1e9
