"""The house keeps its shape: who may import whom, how long things are, who may read the clock, who has a test."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "streamwatchd"
MODULES = sorted(PACKAGE.rglob("*.py"))
ALL_PYTHON = [*MODULES, *sorted((ROOT / "tests").rglob("*.py")), *sorted((ROOT / "benchmarks").rglob("*.py"))]

LONGEST_FILE = 600
LONGEST_FUNCTION = 80

# Who may read the wall clock: the port that wraps it, and programs for people at a terminal.
CLOCK_READERS = ("ports/clock.py", "cli/", "demo/")
CLOCK_CALLS = {"time.time", "time.time_ns", "datetime.now", "datetime.utcnow", "datetime.today", "date.today"}
CLOCK_CALLS |= {f"datetime.{call}" for call in CLOCK_CALLS if call.startswith(("datetime.", "date."))}

# Files without a test file of their own name, by path or by folder, and the test that exercises each of them.
TESTED_ELSEWHERE = {
    "aggregates/": "contracts/test_aggregates.py",  # one file each, one contract for all
    "cli/model/": "cli/test_model.py",  # one life of one model goes through all commands
    "cli/comparison.py": "cli/test_dry_run.py",
    "cli/playing.py": "cli/test_dry_run.py",
    "cli/rehearsal.py": "cli/test_dry_run.py",
    "rules/lint/": "rules/lint/test_checks.py",  # one file each, tested on the examples that each brings
    "models/_pace.py": "contracts/test_models.py",  # what kinds with memory have in common; one contract for all kinds
    "models/change.py": "contracts/test_models.py",
    "models/lstm.py": "contracts/test_models.py",
    "models/seasonal.py": "contracts/test_models.py",
    "training/change.py": "contracts/test_models.py",
    "repository/dispositions.py": "cli/test_model.py",
    "training/pace.py": "training/test_lstm.py",
    "training/seasonal.py": "training/test_train.py",
    "training/threads.py": "training/test_lstm.py",
    "ports/librdkafka/": "contracts/test_kafka_port.py",  # real, embedded and fake Kafka pass the same
    "ports/kafka.py": "contracts/test_kafka_port.py",
}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def relative(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def functions(tree: ast.Module) -> Iterator[Function]:
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def dotted(node: ast.expr) -> str:
    """`time.time` for the expression of that shape, "" for anything else."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=attribute):
            return f"{dotted(value)}.{attribute}"
        case _:
            return ""


def original_names(tree: ast.Module) -> dict[str, str]:
    """What each imported name stands for: `from time import time as now` gives {"now": "time.time"}."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.asname: alias.name for alias in node.names if alias.asname}
        if isinstance(node, ast.ImportFrom):
            names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return names


def calls(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """(line, full name) of each call, and of each clock function that is handed on as a value."""
    names = original_names(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute):
            first, _, rest = dotted(node).partition(".")
            yield node.lineno, ".".join(filter(None, (names.get(first, first), rest)))


def does_something(tree: ast.Module) -> bool:
    """Whether any function has a body: data definitions, protocols and tables of constants have none."""
    return any(not isinstance(function.body[-1], ast.Expr | ast.Pass) for function in functions(tree))


def test_rooms_import_only_downstairs_and_keep_third_parties_to_themselves() -> None:
    """The contracts in setup.cfg hold: the floors, and one room for each third-party name."""
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [program, "--config", "setup.cfg", "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[done.stdout.find("Contracts") :] + done.stderr


@pytest.mark.parametrize("path", ALL_PYTHON, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_files_and_functions_stay_readable_in_one_sitting(path: Path) -> None:
    """No file is longer than 600 lines, no function longer than 80."""
    lines = path.read_text(encoding="utf-8").count("\n")
    assert lines <= LONGEST_FILE, f"{lines} lines"
    sizes = {f"{f.name} (line {f.lineno})": (f.end_lineno or 0) - f.lineno + 1 for f in functions(parse(path))}
    assert not {name: size for name, size in sizes.items() if size > LONGEST_FUNCTION}


def test_most_functions_fit_in_a_glance() -> None:
    """Half of the functions have at most 10 lines, 95 % at most 40."""
    sizes = sorted((f.end_lineno or 0) - f.lineno + 1 for path in MODULES for f in functions(parse(path)))
    assert sizes[len(sizes) // 2] <= 10
    assert sizes[len(sizes) * 95 // 100] <= 40


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_time_is_an_argument(path: Path) -> None:
    """Only the clock port and programs for people read the wall clock; the engine is told the time."""
    if relative(path).startswith(CLOCK_READERS):
        return
    assert [f"line {line}: {name}" for line, name in calls(parse(path)) if name in CLOCK_CALLS] == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("import time\ntime.time()", True),
        ("import time as t\nt.time_ns()", True),
        ("from time import time\ntime()", True),
        ("import datetime\ndatetime.datetime.now()", True),
        ("from datetime import datetime as dt\nx = field(default_factory=dt.utcnow)", True),
        ("import time\ntime.monotonic()", False),
        ("clock.time()", False),
    ],
)
def test_the_clock_check_sees_through_imports(text: str, found: bool) -> None:
    """Renamed and handed-on clock functions are found; other clocks and other objects are not."""
    assert any(name in CLOCK_CALLS for _, name in calls(ast.parse(text))) is found


@pytest.mark.parametrize("room", ["lang", "rules", "plan", "operators", "functions", "aggregates", "codecs"])
def test_the_thinking_rooms_do_no_logging(room: str) -> None:
    """What they have to say they return: diagnostics, counters, outputs."""
    for path in sorted((PACKAGE / room).rglob("*.py")):
        assert not {name for _, name in calls(parse(path))} & {"print", "logging", "structlog.get_logger"}, path


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_every_file_has_a_test_twin(path: Path) -> None:
    """`room/file.py` is tested in `tests/room/test_file.py`, or says here where else; pure definitions need no test."""
    elsewhere = relative(path).startswith(tuple(TESTED_ELSEWHERE))
    if path.name == "__init__.py" or elsewhere or not does_something(parse(path)):
        return
    room = path.relative_to(PACKAGE).parent
    twin = Path("tests") / room / f"test_{path.stem.strip('_')}.py"
    assert (ROOT / twin).exists(), f"no {twin}"


@pytest.mark.parametrize(("place", "test"), TESTED_ELSEWHERE.items())
def test_the_list_of_exceptions_is_true(place: str, test: str) -> None:
    """What is said to be tested elsewhere exists, and so does the test."""
    assert (PACKAGE / place).exists()
    assert (ROOT / "tests" / test).exists()


def test_no_room_is_a_drawer() -> None:
    """Names say what a file is about."""
    drawers = {"utils", "util", "helpers", "helper", "common", "core", "manager", "misc", "v2"}
    assert not {relative(path) for path in MODULES if drawers & {*path.with_suffix("").parts[-2:]}}
