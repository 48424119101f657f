"""Failpoints: what they can do, that they do nothing unasked, and that the list of them is whole."""

from __future__ import annotations

import ast
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from streamwatchd import failpoints
from streamwatchd.failpoints import FIRED, POINTS, VARIABLE, Plan, failpoint

PACKAGE = Path(failpoints.__file__).parent


def test_nothing_happens_unless_a_test_says_so() -> None:
    """The variable is not set: each point is passed."""
    assert failpoints.plan is None
    for point in POINTS:
        failpoint(point)


def test_every_point_of_the_code_is_listed_and_every_listed_one_is_in_the_code() -> None:
    """`POINTS` is what tests and people go by."""
    found: list[str] = []
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "failpoint":
                found.append(ast.literal_eval(node.args[0]))
    assert sorted(found) == sorted(POINTS)


def test_a_point_strikes_at_its_nth_pass_once() -> None:
    """And only where its detail holds the text."""
    plan = Plan.parse("disk.synced(.snapshot)=raise@2")
    plan.reach("disk.synced", "/state/1.snapshot")
    plan.reach("disk.synced", "/state/versions.json")
    with pytest.raises(OSError, match=r"failpoint disk\.synced"):
        plan.reach("disk.synced", "/state/2.snapshot")
    plan.reach("disk.synced", "/state/3.snapshot")
    assert plan.fired == ["disk.synced"]


def test_it_fires_once_over_all_processes(tmp_path: Path) -> None:
    """The folder knows what has fired, so a process that is started again lives."""
    for _ in range(2):
        plan = Plan.parse("epoch.sent=raise", str(tmp_path))
        try:
            plan.reach("epoch.sent", "")
        except OSError:
            assert plan.fired == ["epoch.sent"]
    assert plan.fired == []
    assert [each.name for each in tmp_path.iterdir()] == ["epoch.sent"]


@pytest.mark.parametrize("action", ["kill", "kill_in:20", "delay:1", "raise"])
def test_actions_of_a_real_process(action: str) -> None:
    """By the variable, in a process of its own."""
    program = "import time; from streamwatchd.failpoints import failpoint; failpoint('epoch.sent'); time.sleep({})"
    waits = 30 if action.startswith("kill") else 0
    environment = os.environ | {VARIABLE: f"epoch.sent={action}", "PYTHONPATH": str(PACKAGE.parent)}
    done = subprocess.run([sys.executable, "-c", program.format(waits)], env=environment, stderr=subprocess.PIPE)
    expected = {"kill": -signal.SIGKILL, "kill_in:20": -signal.SIGKILL, "delay:1": 0, "raise": 1}
    assert done.returncode == expected[action], done.stderr


def test_a_hang_never_ends() -> None:
    """Until somebody kills it."""
    program = "from streamwatchd.failpoints import failpoint; print('here', flush=True); failpoint('epoch.sent')"
    environment = os.environ | {VARIABLE: "epoch.sent=hang", FIRED: "", "PYTHONPATH": str(PACKAGE.parent)}
    with subprocess.Popen([sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"here\n"
        time.sleep(0.2)
        assert process.poll() is None
        process.kill()


@pytest.mark.parametrize("text", ["epoch.sent", "epoch.sent=explode", "nowhere=kill", "epoch.sent=kill@x"])
def test_a_plan_that_is_none_is_refused(text: str) -> None:
    """With what there is."""
    with pytest.raises(ValueError, match=r"point=action|there is no point"):
        Plan.parse(text)
