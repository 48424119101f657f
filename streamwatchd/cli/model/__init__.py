"""`swctl model`: train, judge, promote and take back models; say what people thought of their anomalies."""

from streamwatchd.cli.group import Commands

COMMANDS = {
    "train": "Train a version for an anomaly rule, from recorded traffic.",
    "evaluate": "Compare versions on recorded traffic whose odd stretches are known.",
    "list": "Models and their versions, and which one rules take.",
    "show": "All that is known of a version.",
    "promote": "Let rules take a version.",
    "rollback": "Take a version back; rules go on with the one before it.",
    "mark": "Say that an anomaly was a false positive, or confirm it.",
}

command = Commands(
    "streamwatchd.cli.model",
    COMMANDS,
    name="model",
    help="Train, judge, promote and take back models.",
    epilog="`swctl model COMMAND --help` says more.",
)
