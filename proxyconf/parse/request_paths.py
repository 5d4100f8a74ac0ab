"""Follow the routes of a script for each kind of request, and return the accounting that it requests for it.

If a condition is unknown, the branch that does not end the script is taken: a branch that ends it usually refuses the
request.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from proxyconf.parse.conditions import ConditionReader, RequestKind
from proxyconf.parse.route_tree import CallStep, ConditionStep, RouteBody, RouteKey, RouteStep, route_trees
from proxyconf.parse.tokens import Token
from proxyconf.script_facts import AccountingCall, RequestActions, ScriptActions

_MOST_STEPS = 20_000  # routes that call each other can multiply
_DEEPEST = 30
_RELAYING = ("t_relay", "t_relay_to", "t_relay_to_udp", "t_relay_to_tcp", "t_forward_nonack", "forward")
_ENDING = frozenset({"exit", "drop"})
_RECORDING = frozenset({"record_route", "record_route_preset"})
_KINDS = {
    "invite": RequestKind("INVITE"),
    "reinvite": RequestKind("INVITE", is_in_dialog=True),
    "bye": RequestKind("BYE", is_in_dialog=True),
    "ack": RequestKind("ACK", is_in_dialog=True),
    "cancel": RequestKind("CANCEL"),
}
_FAILED = RequestKind("INVITE", is_failed=True)


def script_actions(tokens: Sequence[Token]) -> ScriptActions | None:
    """Return what a script does for accounting; None if it has no route for requests."""
    trees = route_trees(tokens)
    main = next((trees[key] for key in (RouteKey("request_route"), RouteKey("route")) if key in trees), None)
    if main is None:
        return None
    paths = {name: _Walk(trees, kind).outcome(main) for name, kind in _KINDS.items()}
    return ScriptActions(
        **{name: path.actions() for name, path in paths.items()},
        next_attempt=_next_attempt(trees, paths["invite"]).actions(),
    )


def _next_attempt(trees: Mapping[RouteKey, RouteBody], invite: _Path) -> _Path:
    """Follow the failure routes armed by the INVITE, else all; return the first that relays the request again."""
    failure_routes = [key.name for key in trees if key.kind == "failure_route"]
    names = [name for name in invite.failure_routes if name in failure_routes] or failure_routes
    paths = [_Walk(trees, _FAILED).outcome(trees[RouteKey("failure_route", name)]) for name in names]
    return next((path for path in paths if path.is_relayed), paths[0] if paths else _Path())


@dataclass(slots=True)
class _Path:
    """What the script has done so far on the path of a request."""

    flags: frozenset[str] = frozenset()
    accounting: tuple[AccountingCall, ...] = ()
    failure_routes: tuple[str, ...] = ()
    is_recorded: bool = False
    tracks_dialog: bool = False
    ends_dialog: bool = False
    is_relayed: bool = False
    is_ended: bool = False
    is_returned: bool = False

    def actions(self) -> RequestActions:
        """Return the part that concerns accounting."""
        return RequestActions(
            self.flags, self.accounting, self.is_recorded, self.tracks_dialog, self.ends_dialog, self.is_relayed
        )

    def merged(self, other: _Path) -> _Path:
        """Return the union of two paths, of which either may be taken."""
        return _Path(
            self.flags | other.flags,
            (*self.accounting, *(one for one in other.accounting if one not in self.accounting)),
            tuple(dict.fromkeys([*self.failure_routes, *other.failure_routes])),
            self.is_recorded or other.is_recorded,
            self.tracks_dialog or other.tracks_dialog,
            self.ends_dialog or other.ends_dialog,
            self.is_relayed or other.is_relayed,
        )


@dataclass(slots=True)
class _Walk:
    trees: Mapping[RouteKey, RouteBody]
    kind: RequestKind
    relayed_ends: list[_Path] = field(default_factory=list)
    steps: int = 0

    def outcome(self, body: RouteBody) -> _Path:
        """Return the path until the request is relayed; the whole path if it never is."""
        path = self._body(body, _Path(), 0)
        return path if path.is_relayed or not self.relayed_ends else self.relayed_ends[0]

    def _body(self, body: RouteBody, path: _Path, depth: int) -> _Path:
        for step in body:
            self.steps += 1
            if path.is_ended or path.is_returned or self.steps > _MOST_STEPS:
                return path
            path = self._step(step, path, depth)
        return path

    def _step(self, step: RouteStep, path: _Path, depth: int) -> _Path:
        if isinstance(step, CallStep):
            return self._call(step, path, depth)
        if isinstance(step, ConditionStep):
            return self._condition(step, path, depth)
        return self._perhaps(step.body, (), path, depth)

    def _condition(self, step: ConditionStep, path: _Path, depth: int) -> _Path:
        value = ConditionReader(step.condition, self.kind, path.flags).value()
        words = {token.value for token in step.condition}
        if words & set(_RELAYING):  # if (!t_relay()) { … }: the branch handles the error
            return replace(path, is_relayed=True)
        if words & _RECORDING:
            path = replace(path, is_recorded=True)
        if value is None:
            return self._perhaps(step.then, step.otherwise, path, depth)
        return self._body(step.then if value else step.otherwise, path, depth)

    def _perhaps(self, then: RouteBody, otherwise: RouteBody, path: _Path, depth: int) -> _Path:
        ways = [self._body(body, path, depth) for body in (then, otherwise)]
        going_on = [way for way in ways if not way.is_ended and not way.is_returned]
        self.relayed_ends += [way for way in ways if way.is_ended and way.is_relayed]
        if not going_on:
            return next((way for way in ways if way.is_relayed), ways[0])
        return going_on[0] if len(going_on) == 1 else going_on[0].merged(going_on[1])

    def _call(self, step: CallStep, path: _Path, depth: int) -> _Path:
        texts = [_text(argument) for argument in step.arguments]
        if step.name in _ENDING:
            return replace(path, is_ended=True)
        if step.name == "return":
            return replace(path, is_returned=True)
        if step.name == "route":
            return self._route(texts[0] if texts else "", path, depth)
        if step.name in _RELAYING:
            return replace(path, is_relayed=True)
        if path.is_relayed:  # the transaction exists: flags set now have no effect
            return path
        return _applied(step, texts, path)

    def _route(self, name: str, path: _Path, depth: int) -> _Path:
        body = self.trees.get(RouteKey("route", name))
        if body is None or depth > _DEEPEST:
            return path
        return replace(self._body(body, path, depth + 1), is_returned=False)


def _applied(step: CallStep, texts: Sequence[str], path: _Path) -> _Path:
    first = step.arguments[0] if step.arguments else ()
    words = {token.value for token in first} | {token.define for token in first if token.define}
    match step.name:
        case "setflag":
            return replace(path, flags=path.flags | words)
        case "resetflag":
            return replace(path, flags=path.flags - words)
        case "do_accounting":
            call = AccountingCall(_split(texts, 0), _split(texts, 1))
            return replace(path, accounting=(*path.accounting, call))
        case "drop_accounting":
            return replace(path, accounting=())
        case "t_on_failure":
            return replace(path, failure_routes=(*path.failure_routes, *texts[:1]))
        case "dlg_manage":
            return replace(path, tracks_dialog=True)
        case "create_dialog":
            return replace(path, tracks_dialog=True, ends_dialog=path.ends_dialog or "B" in "".join(texts[:1]))
    return replace(path, is_recorded=True) if step.name in _RECORDING else path


def _text(argument: Sequence[Token]) -> str:
    return "".join(token.value for token in argument)


def _split(texts: Sequence[str], position: int) -> frozenset[str]:
    text = texts[position] if len(texts) > position else ""
    return frozenset(word.strip().lower() for word in text.split("|") if word.strip())
