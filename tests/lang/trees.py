"""Random trees as written, of every node."""

from __future__ import annotations

from hypothesis import strategies as st

from streamwatchd.lang import syntax

names = st.sampled_from(["cpu", "error_rate", "devices.role", "in", "over", "p99.9", "AND", "weird-name", "ß"])


numbers = st.sampled_from(["0", "1", "2.5", ".5", "1e3", "85%", "400ms", "1h30m", "10MiB/s", "5/s", "1_000", "2dB"])


durations = st.none() | st.sampled_from(["500ms", "5m", "1h30m", "7d"]).map(syntax.Number)


keys = st.lists(names.map(lambda name: _name(name)), max_size=3).map(tuple)


def _name(name: str) -> syntax.Name:
    return syntax.Name(
        name, quoted=(not name.replace(".", "").isalnum() and "-" in name) or name in ("in", "over", "AND")
    )


def _flat(kind: type[syntax.And] | type[syntax.Or], args: list[syntax.Expr]) -> syntax.Expr:
    return kind(tuple(part for arg in args for part in (arg.args if isinstance(arg, kind) else (arg,))))


leaves = st.one_of(
    names.map(_name),
    numbers.map(syntax.Number),
    st.text(max_size=8).map(syntax.String),
    st.sampled_from([True, False, None]).map(syntax.Constant),
)


def _branches(inner: st.SearchStrategy[syntax.Expr]) -> st.SearchStrategy[syntax.Expr]:
    several = st.lists(inner, min_size=2, max_size=3)
    operators = st.sampled_from(["+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">="])
    functions = st.sampled_from(["avg", "count", "p99.9", "coalesce", "firing"])
    arguments = st.lists(inner, max_size=2).map(tuple)
    calls = st.builds(syntax.Call, functions, arguments, st.none() | inner, durations, durations, st.none(), keys)
    return st.one_of(
        st.builds(syntax.Binary, operators, inner, inner),
        st.builds(syntax.Match, inner, inner),
        st.builds(syntax.In, inner, several.map(tuple), st.booleans()),
        st.builds(syntax.IsNull, inner, st.booleans()),
        st.builds(syntax.Negate, inner),
        st.builds(syntax.Not, inner),
        several.map(lambda args: _flat(syntax.And, args)),
        several.map(lambda args: _flat(syntax.Or, args)),
        calls,
    )


trees = st.recursive(leaves, _branches, max_leaves=12)
