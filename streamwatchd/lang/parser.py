"""Text → tree as written. The only module that knows lark."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any, Literal

from lark import Lark, Token, Transformer, UnexpectedCharacters, UnexpectedInput, UnexpectedToken, v_args

from streamwatchd.lang import syntax
from streamwatchd.lang.mistakes import explain, unbalanced
from streamwatchd.lang.problem import Problem, SyntaxFailure

MAX_LENGTH = 200_000
MAX_DEPTH = 100


def parse(text: str) -> syntax.Expr | Problem:
    """The tree of an expression, or the one problem that keeps it from having one."""
    tree = _parse(text, "expression")
    assert not isinstance(tree, syntax.Condition)
    return tree


def parse_condition(text: str) -> syntax.Condition | Problem:
    """The tree of `C for D until C for D`, all but the first C optional; or the one problem."""
    tree = _parse(text, "condition")
    assert isinstance(tree, syntax.Condition | Problem)
    return tree


def _parse(text: str, start: Literal["expression", "condition"]) -> syntax.Expr | syntax.Condition | Problem:
    if not text.strip():
        return Problem("SW102", "the expression is empty", 0, len(text), hint="write a condition such as `cpu > 85%`")
    if len(text) > MAX_LENGTH:
        return Problem("SW105", f"the expression is longer than {MAX_LENGTH:,} characters", 0, 1)
    if problem := unbalanced(text, MAX_DEPTH):
        return problem
    try:
        tree: syntax.Expr | syntax.Condition = _lark().parse(text, start=start)  # type: ignore[assignment]
    except SyntaxFailure as failure:
        return failure.problem
    except UnexpectedInput as error:
        return _describe(error, text)
    if syntax.depth(tree) > MAX_DEPTH:
        hint = "split it over several entries of `values:`"
        return Problem("SW105", f"the expression is nested more than {MAX_DEPTH} deep", 0, len(text), hint=hint)
    return tree


@cache
def _lark() -> Lark:
    grammar = Path(__file__).with_name("grammar.lark").read_text()
    starts = ["expression", "condition"]
    return Lark(grammar, parser="lalr", lexer="basic", start=starts, transformer=_Builder(), maybe_placeholders=True)


def _describe(error: UnexpectedInput, text: str) -> Problem:
    if isinstance(error, UnexpectedCharacters):
        at: int = error.pos_in_stream  # type: ignore[assignment]  # lark types the default of its base class
        return explain(text, at, at + 1, "", frozenset(error.allowed or ()))
    assert isinstance(error, UnexpectedToken)
    token = error.token
    expected = frozenset(error.accepts or error.expected)
    if token.type == "$END":
        end = len(text.rstrip())
        return explain(text, end, end, "$END", expected)
    return explain(text, _start(token), _end(token), token.type, expected)


def _start(token: Token) -> int:
    return token.start_pos or 0


def _end(token: Token) -> int:
    return token.end_pos or 0


_ESCAPE = re.compile(r"\\([\\\"'])")
_SPELLINGS = {"=": "==", "<>": "!="}


def _flat(kind: type[syntax.And] | type[syntax.Or], parts: tuple[syntax.Expr, ...]) -> syntax.Expr:
    args: list[syntax.Expr] = []
    for part in parts:
        args.extend(part.args if isinstance(part, kind) else (part,))
    return kind(tuple(args), start=parts[0].start, end=parts[-1].end)


@v_args(inline=True)
class _Builder(Transformer[Token, Any]):
    """Makes syntax nodes while lark parses; method names are those of the grammar."""

    def condition(
        self, when: syntax.Expr, hold: Token | None, until: syntax.Expr | None, until_hold: Token | None
    ) -> syntax.Condition:
        last: Any = until_hold or until or hold or when
        end = _end(last) if isinstance(last, Token) else last.end
        return syntax.Condition(when, self._number(hold), until, self._number(until_hold), start=when.start, end=end)

    def disjunction(self, *parts: syntax.Expr) -> syntax.Expr:
        return _flat(syntax.Or, parts)

    def conjunction(self, *parts: syntax.Expr) -> syntax.Expr:
        return _flat(syntax.And, parts)

    def negated(self, word: Token, arg: syntax.Expr) -> syntax.Not:
        return syntax.Not(arg, start=_start(word), end=arg.end)

    def compared(self, left: syntax.Expr, op: Token, right: syntax.Expr, *more: Any) -> syntax.Binary:
        if more:
            hint = "join two comparisons with `and`: `x > 1 and x < 5`"
            message = "comparisons can't be chained"
            raise SyntaxFailure(Problem("SW107", message, _start(more[0]), _end(more[0]), hint=hint))
        spelled = _SPELLINGS.get(op, str(op))
        return syntax.Binary(spelled, left, right, start=left.start, end=right.end)

    def binary(self, left: syntax.Expr, op: Token, right: syntax.Expr) -> syntax.Binary:
        return syntax.Binary(str(op), left, right, start=left.start, end=right.end)

    def matched(self, arg: syntax.Expr, _op: Token, pattern: syntax.Expr) -> syntax.Match:
        return syntax.Match(arg, pattern, start=arg.start, end=pattern.end)

    def choices(self, *choices: syntax.Expr) -> tuple[syntax.Expr, ...]:
        return choices

    def is_in(self, arg: syntax.Expr, _in: Token, choices: tuple[syntax.Expr, ...], close: Token) -> syntax.In:
        return syntax.In(arg, choices, start=arg.start, end=_end(close))

    def is_not_in(
        self, arg: syntax.Expr, _not: Token, _in: Token, choices: tuple[syntax.Expr, ...], close: Token
    ) -> syntax.In:
        return syntax.In(arg, choices, negated=True, start=arg.start, end=_end(close))

    def is_null(self, arg: syntax.Expr, _is: Token, null: Token) -> syntax.IsNull:
        return syntax.IsNull(arg, start=arg.start, end=_end(null))

    def is_not_null(self, arg: syntax.Expr, _is: Token, _not: Token, null: Token) -> syntax.IsNull:
        return syntax.IsNull(arg, negated=True, start=arg.start, end=_end(null))

    def minus(self, sign: Token, arg: syntax.Expr) -> syntax.Negate:
        return syntax.Negate(arg, start=_start(sign), end=arg.end)

    def plus(self, _sign: Token, arg: syntax.Expr) -> syntax.Expr:
        return arg

    def group(self, inner: syntax.Expr) -> syntax.Expr:
        return inner

    def number(self, token: Token) -> syntax.Number:
        return syntax.Number(str(token), start=_start(token), end=_end(token))

    def _number(self, token: Token | None) -> syntax.Number | None:
        return None if token is None else self.number(token)

    def string(self, token: Token) -> syntax.String:
        return syntax.String(_ESCAPE.sub(r"\1", token[1:-1]), start=_start(token), end=_end(token))

    def true(self, token: Token) -> syntax.Constant:
        return syntax.Constant(True, start=_start(token), end=_end(token))

    def false(self, token: Token) -> syntax.Constant:
        return syntax.Constant(False, start=_start(token), end=_end(token))

    def null(self, token: Token) -> syntax.Constant:
        return syntax.Constant(None, start=_start(token), end=_end(token))

    def name(self, token: Token) -> syntax.Name:
        quoted = token.type == "QUOTED_NAME"
        return syntax.Name(token.strip("`"), quoted, start=_start(token), end=_end(token))

    def arguments(self, *args: syntax.Expr) -> tuple[syntax.Expr, ...]:
        return args

    def keys(self, *keys: syntax.Name) -> tuple[syntax.Name, ...]:
        return keys

    def clause(self, word: Token, what: Any) -> tuple[Token, Any]:
        return word, what

    def call(self, name: Token, args: tuple[syntax.Expr, ...] | None, *rest: Any) -> syntax.Call:
        clauses, close = rest[:-1], rest[-1]
        given: dict[str, Any] = {}
        for word, what in clauses:
            role = {"in": "ahead"}.get(word.lower(), word.lower())
            if role in given:
                message = f"`{word}` stands twice in `{name}(…)`"
                raise SyntaxFailure(Problem("SW110", message, _start(word), _end(word), hint="keep one of them"))
            given[role] = self.number(what) if isinstance(what, Token) else what
        return syntax.Call(str(name), args or (), start=_start(name), end=_end(close), **given)
