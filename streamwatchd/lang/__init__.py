"""Expression text → typed tree.

Outside this room use `check`, `check_condition`, `check_template` and `render`; `scope.py` says what names mean.
"""

from streamwatchd.lang.checked import Checked, CheckedCondition, CheckedTemplate
from streamwatchd.lang.checker import check, check_condition
from streamwatchd.lang.parser import parse, parse_condition
from streamwatchd.lang.problem import Problem
from streamwatchd.lang.signatures import contains_aggregate
from streamwatchd.lang.template import check_template, render, show
from streamwatchd.lang.units import format_duration, parse_duration

__all__ = [
    "Checked",
    "CheckedCondition",
    "CheckedTemplate",
    "Problem",
    "check",
    "check_condition",
    "check_template",
    "contains_aggregate",
    "format_duration",
    "parse",
    "parse_condition",
    "parse_duration",
    "render",
    "show",
]
