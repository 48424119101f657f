"""From files to what runs: the one path of daemon, validate, test-rule and dry-run."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

from streamwatchd.compiler import compile_project
from tests.operators.bench import DEVICES, SOURCES
from tests.oracle.world import write_project

GOOD = "source: m\nevery: 10s\nrules:\n  - {alarm: hot, by: host, when: avg(x over 30s) > 50%}\n"


def project(folder: Path, **rules: str) -> Path:
    return write_project(folder, SOURCES, rules, {"devices": DEVICES})


MANY = "source: m\nevery: 10s\nrules:\n" + "".join(
    f"  - {{alarm: {kind}, by: host, where: kind == '{kind}', when: avg(x over 30s) > 50%, labels: {{b: x, a: y}}}}\n"
    for kind in ("cpu", "mem", "disk", "net", "fan")
)
PRINT = """
import sys
from pathlib import Path
from streamwatchd.compiler import compile_project
print(compile_project(Path(sys.argv[1])).program.digest)
"""


def test_the_digest_is_the_same_in_every_process(tmp_path: Path) -> None:
    """The journal names programs by it: a restart under equal rules is no change."""
    config = project(tmp_path, a=MANY)
    found = {
        subprocess.run(
            [sys.executable, "-c", PRINT, config],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(found) == 1


def test_another_meaning_has_another_digest(tmp_path: Path) -> None:
    """A threshold, a text, a rule more."""
    texts = [GOOD, GOOD.replace("50", "60"), GOOD.replace("}", ", message: hm}"), MANY]
    programs = [compile_project(project(tmp_path / str(i), a=text)).program for i, text in enumerate(texts)]
    assert len({program.digest for program in programs if program is not None}) == len(texts)


def test_a_program_crosses_the_process_boundary(tmp_path: Path) -> None:
    """And is the same there: the journal names it by its digest."""
    program = compile_project(project(tmp_path, a=GOOD)).program
    assert pickle.loads(pickle.dumps(program)) == program


def test_a_bad_file_is_refused_alone(tmp_path: Path) -> None:
    """The others run; its last good text goes on if there is one."""
    config = project(tmp_path, a=GOOD, b=GOOD.replace("hot", "bad").replace("avg(x", "avg((x"))
    compiled = compile_project(config)
    assert compiled.program is not None
    assert {rule.name for rule in compiled.loaded.ruleset.rules} == {"hot"}
    assert any(found.is_error for found in compiled.loaded.diagnostics)
    path = next(path for path in compiled.loaded.refused)
    again = compile_project(config, last_good={path: GOOD.replace("hot", "bad").encode()})
    assert {rule.name for rule in again.loaded.ruleset.rules} == {"hot", "bad"}


def test_a_table_that_is_refused_takes_its_readers_along_and_nothing_else(tmp_path: Path) -> None:
    """Also at the first start, when nothing is in force before: the rest of the project compiles."""
    config = project(tmp_path, a=GOOD)
    next(tmp_path.rglob("devices.*")).write_text("")
    compiled = compile_project(config)
    assert compiled.program is not None
    assert [each.rule for each in compiled.loaded.diagnostics if each.is_error][-1] == "hot"
    assert compiled.loaded.ruleset.rules == ()


def test_without_a_configuration_nothing_runs(tmp_path: Path) -> None:
    """The diagnostics say why."""
    compiled = compile_project(tmp_path / "streamwatchd.yaml")
    assert compiled.program is None
    assert any(found.is_error for found in compiled.loaded.diagnostics)


def test_where_rules_stand_means_nothing(tmp_path: Path) -> None:
    """Moved about in a file or into others, with a comment more, they are the same program."""
    head, *rules = MANY.splitlines(keepends=True)[0:2], *MANY.splitlines(keepends=True)[3:]
    start = "".join(head) + "rules:\n"
    ways = [
        {"a": start + "".join(rules)},
        {"a": "# moved\n" + start + "".join(reversed(rules))},
        {"a": start + "".join(rules[3:]), "b": start + "".join(rules[:3])},
    ]
    programs = [compile_project(project(tmp_path / str(i), **way)).program for i, way in enumerate(ways)]
    assert len({program.digest for program in programs if program is not None}) == 1


def test_what_a_source_does_with_late_events_is_part_of_the_meaning_where_it_says_so(tmp_path: Path) -> None:
    """The default is what was before there was a choice: the digest, and with it state that is kept, stays."""
    digests = []
    for number, late in enumerate(("", "late: side, ", "late: drop, ")):
        sources = SOURCES.replace("max_delay: 1s, key", f"max_delay: 1s, {late}key")
        compiled = compile_project(write_project(tmp_path / str(number), sources, {"a": GOOD}, {"devices": DEVICES}))
        assert compiled.program is not None
        digests.append(compiled.program.digest)
    assert digests[0] == digests[1] != digests[2]
