"""Plain scalars by the core schema of YAML 1.2 (https://yaml.org/spec/1.2.2/#103-core-schema)."""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache

from streamwatchd.rules.document import Plain

_WORDS: dict[str, Plain] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}
_INTEGER = re.compile(r"[-+]?[0-9]+", re.ASCII)
_OCTAL = re.compile(r"0o[0-7]+")
_HEX = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)
_MAX_DIGITS = 400
_NUMBER_STARTS = frozenset("+-.0123456789")


class Surprise(StrEnum):
    """What a tool of YAML 1.1 reads otherwise than we do."""

    TRUTH_WORD = "truth word"
    LEADING_ZERO = "leading zero"
    SEXAGESIMAL = "sexagesimal"
    UNDERSCORES = "underscores"


_TRUTH_WORDS = frozenset(form for word in ("on", "off", "yes", "no") for form in (word, word.title(), word.upper()))
_LEADING_ZERO = re.compile(r"[-+]?0[0-9]+", re.ASCII)
_SEXAGESIMAL = re.compile(r"[-+]?[0-9]+(:[0-5]?[0-9])+(\.[0-9]*)?", re.ASCII)
_UNDERSCORES = re.compile(r"[-+]?[0-9][0-9_]*(\.[0-9_]*)?", re.ASCII)


@lru_cache(maxsize=65_536)
def resolve(text: str) -> Plain:
    """The value of a plain scalar; text that is nothing else is itself."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMBER_STARTS or len(text) > _MAX_DIGITS:
        return text
    if _INTEGER.fullmatch(text):
        return int(text)
    if _OCTAL.fullmatch(text):
        return int(text, 8)
    if _HEX.fullmatch(text):
        return int(text, 16)
    return float(text) if _FLOAT.fullmatch(text) else text


@lru_cache(maxsize=65_536)
def surprise(text: str) -> Surprise | None:
    """What YAML 1.1 makes of a plain scalar, where that is something else."""
    if text in _TRUTH_WORDS:
        return Surprise.TRUTH_WORD
    if not text or text[0] not in _NUMBER_STARTS:
        return None
    if _LEADING_ZERO.fullmatch(text):
        return Surprise.LEADING_ZERO
    if _SEXAGESIMAL.fullmatch(text):
        return Surprise.SEXAGESIMAL
    return Surprise.UNDERSCORES if "_" in text and _UNDERSCORES.fullmatch(text) else None
