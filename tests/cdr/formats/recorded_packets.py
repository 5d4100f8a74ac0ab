"""RADIUS packets that real proxies sent, and how tests read them."""

from __future__ import annotations

import json

from cdr.formats.reading import Reading
from proxyconf.vocabulary.products import Product
from tests.cdr.formats.radius_packets import (
    kamailio,
)
from tests.cdr.formats.recorded_lines import (
    content,
    folders_with,
)

FOLDERS = folders_with("radius.jsonl")


RECORDED = [json.loads(line) for folder in FOLDERS for line in content(folder, "radius.jsonl").splitlines()]


PACKETS = [bytes.fromhex(record["raw"]) for record in RECORDED]


KAMAILIO = Reading()


OPENSIPS = Reading(product=Product.OPENSIPS)


# Malformed packets

GOOD = kamailio()
