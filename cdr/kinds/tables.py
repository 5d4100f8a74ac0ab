"""Settings of tables that are read as they grow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from cdr.kinds.setting import Settings, flag, number


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirror(Settings):
    """The ``acc`` and ``missed_calls`` tables of our own database."""

    served: ClassVar[bool] = True
    move: bool = flag(False, "whether rows are deleted once their events are stored")
    late_seconds: int = number(
        3600, "how long a row may be committed after one with a greater id", low=1, high=7 * 86_400
    )
