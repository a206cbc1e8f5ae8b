"""How the tests share the workers of pytest-xdist: `make test` has two."""

import os
import re

import pytest

if "PYTEST_XDIST_WORKER" in os.environ:
    # Two workers whose thread pools are each as wide as the machine would wait for one another. Child processes inherit this.
    for name in ("TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, "1")

IN_CHILDREN = (
    "tests/end_to_end/test_apps.py",
    "tests/harness/test_kill_and_resume.py",
    "tests/harness/test_strategies.py",
)
"""Their tests run the apps in processes of their own, for up to minutes; what is shared is shared by the tests of one app."""


def shared_by(test: str) -> str:
    """Returns what the tests that have to run on one worker have in common: their file, or the app in such a file."""
    file, _, name = test.partition("::")
    app = re.search(r"\[(\w+)", name)
    return f"{file} {app[1]}" if file in IN_CHILDREN and app else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Gives a worker the tests that share something together, in the order of `testpaths`: the longest first."""
    from xdist.scheduler import LoadScopeScheduling

    class Scheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            return shared_by(nodeid)

    config.option.loadscopereorder = False
    return Scheduling(config, log)
