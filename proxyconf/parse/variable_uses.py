"""Find the uses of the variables that fill accounting fields."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from proxyconf.parse.tokens import Token, TokenKind

_OF_INTEREST = frozenset({"acc_extra", "acc_leg", "dlg_var", "dlg_val", "avp"})
_OPERATORS = frozenset("+-*/%&|^.:")


class VariableUse(NamedTuple):
    """A use of a variable outside of strings: ``$dlg_var(caller)`` or ``$(acc_leg(src)[0])``."""

    name: str
    argument: str
    line: int
    is_assigned: bool

    @property
    def text(self) -> str:
        """The variable without ``$``, index and transformations."""
        return f"{self.name}({self.argument})"


def variable_uses(tokens: Sequence[Token]) -> Iterator[VariableUse]:
    for position, token in enumerate(tokens):
        if token.kind is TokenKind.VARIABLE:
            name, _open, rest = token.value.removeprefix("$").removeprefix("(").partition("(")
            if name in _OF_INTEREST:
                argument = rest.partition(")")[0].strip()
                yield VariableUse(name, argument, token.line, _is_assigned(tokens, position))


def _is_assigned(tokens: Sequence[Token], position: int) -> bool:
    """Return whether ``=``, or an operator and ``=``, follows."""
    signs = [token.value if token.kind is TokenKind.SIGN else "" for token in tokens[position + 1 : position + 4]]
    if signs[:1] and signs[0] in _OPERATORS:
        signs = signs[1:]
    return signs[:1] == ["="] and signs[1:2] not in (["="], ["~"])
