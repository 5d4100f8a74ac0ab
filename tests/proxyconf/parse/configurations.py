"""Configurations as tests parse them."""

from __future__ import annotations

from proxyconf.parse import Imported, parse_config
from proxyconf.vocabulary.layout import Backend
from proxyconf.vocabulary.products import Product, Version

LOG, SQL, RADIUS, JSON = Backend.SYSLOG, Backend.SQL, Backend.RADIUS, Backend.JSON


K, OS = Product.KAMAILIO, Product.OPENSIPS


def opensips(text: str, version: tuple[int, int] = (3, 4)) -> Imported:
    return parse_config(text, product=OS, version=Version(*version))
