"""How the tests share two workers of pytest-xdist."""

import os

import pytest

if "PYTEST_XDIST_WORKER" in os.environ:
    # Two workers whose thread pools are each as wide as the machine would wait for one another. Child processes inherit this.
    for name in ("TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, "1")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Keeps the tests of a file on one worker, so that what they share is made once, unless a test names another group."""
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(item.nodeid.split("::")[0]))
