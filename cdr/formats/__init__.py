"""Parse input into events, one module per format. Pure: bytes in, ``Parsed`` out, no socket, clock or file.

A ``read…`` function takes a binary stream and yields one ``Parsed`` per record, in constant memory. A record that
cannot be parsed becomes a ``Rejection`` and does not affect the others. ``registry`` names the formats, ``reading`` has
the context that a format needs.
"""
