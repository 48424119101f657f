"""swctl: one command a file, loaded when it is asked for.

Exit codes: 0 fine, 1 findings (mistakes in files, failed tests), 2 wrong usage or unreadable input, 130 interrupted.
"""

from streamwatchd.cli.group import Commands

COMMANDS = {
    "init": "Write a first project, from a recording if there is one.",
    "validate": "Check every file; say what is wrong, where, and the way out.",
    "lint": "Find rules that check and are not good.",
    "fmt": "Write files in their canonical form.",
    "test-rule": "Run the tests of rules.",
    "dry-run": "Play a recording through the daemon's own engine.",
    "explain": "Show how a rule runs, or why an alarm is up or is not.",
    "shadow": "Say what a rule in shadow would have told.",
    "trace": "Show the way of one record.",
    "plan": "Say what an edit does to state, before the merge.",
    "fetch": "Fetch tables from databases and topics now.",
    "record": "Write traffic from Kafka to a file.",
    "convert": "Write a recording in another form: NDJSON or Parquet.",
    "status": "How the running daemon is.",
    "lag": "What waits in each partition.",
    "rules": "The rules in force, and what came of each.",
    "alerts": "The alarms that are up, and since when.",
    "top": "What takes the running daemon's time and memory.",
    "tables": "The dimension tables in force, and how old their rows are.",
    "models": "The versions of models that score, and how many rows.",
    "silence": "Have nobody told of some alarms for a while.",
    "silences": "The silences of the running daemon.",
    "ack": "Say that somebody knows of an alarm that is up.",
    "audit": "What changed the running daemon's work, and who said so.",
    "savepoint": "Have the running daemon write a copy of all its state, or list them.",
    "takeover": "Have this host work on shards of another one.",
    "model": "Train, judge, promote and take back models.",
    "reload": "Have the running daemon look at rules and tables now.",
}

main = Commands(
    "streamwatchd.cli",
    COMMANDS,
    name="swctl",
    help="Check, test and try out the rules of streamwatchd.",
    epilog="`swctl COMMAND --help` says more. Exit codes: 0 fine, 1 findings, 2 wrong usage or unreadable input.",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
)
