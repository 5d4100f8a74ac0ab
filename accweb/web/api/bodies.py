"""Request bodies of the API: JSON of limited size."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import IO, Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

from accweb.web.api.errors import TooLarge

LARGEST = 256 * 1024
"""In bytes."""


class SmallJSON(JSONParser):
    """JSON of at most ``LARGEST`` bytes."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        body = stream.read(LARGEST + 1)
        if len(body) > LARGEST:
            raise TooLarge(f"The body is larger than {LARGEST} bytes, the limit of this address.")
        try:
            return super().parse(io.BytesIO(body), media_type, parser_context)
        except RecursionError:
            raise ParseError("The body is nested too deeply.") from None
