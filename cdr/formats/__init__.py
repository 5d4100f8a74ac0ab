"""What arrived, become events: one module per source. Pure: bytes in, ``Parsed`` out, no socket, clock or file.

A ``read…`` function takes a binary stream and yields one ``Parsed`` per record, in constant memory; what cannot be
understood becomes a ``Rejection`` and never costs other records. ``registry`` names the formats, ``reading`` holds what
a format must know of the proxy.
"""
