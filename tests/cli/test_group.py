"""The group of commands: quick help, and errors as sentences with an exit code."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from streamwatchd.cli import COMMANDS, main
from streamwatchd.cli.group import INTERRUPTED, Commands
from streamwatchd.errors import Unavailable, UnreadableInput


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_loads_and_says_what_it_does(name: str) -> None:
    """Its options all have a help text."""
    command = main.get_command(click.Context(main), name)
    assert command is not None
    assert command.help
    assert [option.name for option in command.params if isinstance(option, click.Option) and not option.help] == []


def test_help_loads_nothing_heavy() -> None:
    """A person who asks what there is waits for click and nothing else."""
    code = (
        "import sys\nfrom streamwatchd.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'numpy', 'polars', 'confluent_kafka', 'lark', 'yaml'} & sys.modules.keys()\n"
        "sys.exit(f'loaded: {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (UnreadableInput("x.yaml can't be read"), 2, "swctl: x.yaml can't be read\n"),
        (Unavailable("no broker answers"), 2, "swctl: no broker answers\n"),
        (KeyboardInterrupt(), INTERRUPTED, "\nswctl: interrupted\n"),
    ],
)
def test_what_a_user_can_mend_is_a_sentence(error: BaseException, code: int, said: str) -> None:
    """No traceback."""

    class Failing(Commands):
        def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
            def fail() -> None:
                raise error

            return click.Command("fail", callback=fail)

    result = CliRunner().invoke(Failing("nowhere", {"fail": "Fails."}, name="swctl"), ["fail"])
    assert (result.exit_code, result.stderr) == (code, said)


def test_a_reader_that_goes_away_is_no_error_worth_words() -> None:
    """`swctl explain … | head -1` ends quietly."""
    code = "from streamwatchd.cli import main; main(['--help'])"
    writer = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert writer.stdout is not None
    assert writer.stderr is not None
    writer.stdout.close()
    said = writer.stderr.read()
    writer.stderr.close()
    writer.wait()
    assert said == b""
