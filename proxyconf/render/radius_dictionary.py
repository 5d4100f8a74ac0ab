"""A profile's RADIUS dictionary, for the proxy's client library and for FreeRADIUS, and the client's configuration.

The dictionary that comes with Kamailio, OpenSER and OpenSIPS up to 3 lacks what their accounting needs: with it and a
stock radcli the module refuses to start ("can't get code for the … attribute"). So the client's file is complete by
itself. The library looks up the value names Start, Stop, Alive, Failed and Sip-Session in the whole dictionary,
whatever attribute they belong to: nothing else in the file may have these names.
"""

from __future__ import annotations

from collections.abc import Iterator

from proxyconf.profile import AccountingProfile
from proxyconf.render.endpoint import checked_host, checked_port
from proxyconf.render.radius_attributes import RadiusAttribute, RadiusWire, attributes_of, uses_radius
from proxyconf.vocabulary.products import Product
from proxyconf.vocabulary.sip_methods import METHOD_NUMBERS

CLIENT_DICTIONARY = "dictionary"
"""The name of the dictionary's file, beside the client's configuration."""

CLIENT_SERVERS = "servers"
"""The name of the file with the shared secrets, beside the client's configuration."""

_DEFAULT_CONFIGURATION = "/etc/radcli/radiusclient.conf"
_STATUS = {"Start": 1, "Stop": 2, "Alive": 3, "Accounting-On": 7, "Accounting-Off": 8, "Failed": 15}


def client_dictionary(profile: AccountingProfile) -> str:
    """Return the dictionary for the proxy: radcli, freeradius-client and radiusclient-ng read it."""
    lines = [
        f"# RADIUS dictionary for the accounting of {profile.product.label} {profile.version}, complete in itself.",
        "# For radcli, freeradius-client and radiusclient-ng. The server must know the same numbers.",
    ]
    if not uses_radius(profile):
        return "\n".join([*lines, "# This profile sends no RADIUS.", ""])
    found = attributes_of(profile)
    lines += ["", *(_attribute(one) for one in found.standard)]
    lines += [
        "# With radcli and a server reached over IPv6:",
        f"#{_line('ATTRIBUTE', 'NAS-IPv6-Address', 95, 'ipv6addr')}",
    ]
    lines += ["", "# sent by acc", *(_attribute(one) for one in found.acc)]
    lines += (
        ["", "# extras and legs of the profile", *(_attribute(one) for one in found.fields)] if found.fields else []
    )
    lines += ["", *_status_values(), *_method_values(profile.product)]
    return "\n".join([*lines, ""])


def server_dictionary(profile: AccountingProfile) -> str:
    """Return the dictionary for FreeRADIUS 3: what its own files lack, to be included after them."""
    lines = [
        f"# FreeRADIUS dictionary for the accounting of {profile.product.label} {profile.version}.",
        "# Save it as /etc/freeradius/3.0/dictionary.sip_accounting (raddb/… on other systems) and add to the file",
        "# named dictionary there:   $INCLUDE dictionary.sip_accounting",
        "# FreeRADIUS refuses a name twice, and Columbia University has a Sip-Method of its own. Files of the package",
        "# come back with each upgrade: make a main dictionary of your own under the configuration's directory,",
        "#   mkdir /etc/freeradius/3.0/dictionaries",
        "#   sed -E 's|^\\$INCLUDE +dictionary\\.columbia_university|#&|;"
        " s|^\\$INCLUDE +([^/])|$INCLUDE /usr/share/freeradius/\\1|' \\",
        "#     /usr/share/freeradius/dictionary > /etc/freeradius/3.0/dictionaries/dictionary",
        "# and start FreeRADIUS with   -D /etc/freeradius/3.0/dictionaries   (FREERADIUS_OPTIONS in",
        "# /etc/default/freeradius on Debian).",
    ]
    if not uses_radius(profile):
        return "\n".join([*lines, "# This profile sends no RADIUS.", ""])
    found = attributes_of(profile)
    lines += [f"# {line}" for line in _warnings((*found.acc, *found.fields))]
    text_time = [one for one in found.standard if one.name == "Event-Timestamp" and one.wire is RadiusWire.STRING]
    if text_time:
        lines += ["", "# rad_time_mode 1: the time is sent as text, not as a date"]
        lines += [_attribute(one) for one in text_time]
    lines += ["", *(_attribute(one) for one in (*found.acc, *found.fields))]
    lines += ["", *_status_values(), *_method_values(profile.product)]
    return "\n".join([*lines, ""])


def client_configuration_path(profile: AccountingProfile) -> str:
    """Return where the proxy looks for its client configuration: ``radius_config``, or what ``aaa_url`` names."""
    configured = str(profile.option("radius_config") or "")
    scheme, _, path = str(profile.option("aaa_url") or "").partition(":")
    configured = configured or (path if scheme == "radius" else "")
    return " ".join(configured.split()) or _DEFAULT_CONFIGURATION


def client_configuration(profile: AccountingProfile, server: str = "127.0.0.1", port: int = 1813) -> str:
    """Return the client library's configuration: where the server is, and how long a worker of the proxy waits for it.

    The dictionary and the file with the secrets are expected in the same folder. Raise ``ValueError`` for what is no
    host or port.
    """
    server, port = checked_host(server), checked_port(port)
    address = f"[{server}]" if ":" in server else server
    folder = _folder(profile)
    return f"""\
# RADIUS client of {profile.product.label} {profile.version}, for radcli.
# Save it as {client_configuration_path(profile)}
authserver      {address}
acctserver      {address}:{port}
servers         {folder}{CLIENT_SERVERS}
dictionary      {folder}{CLIENT_DICTIONARY}
default_realm

# A SIP worker of the proxy does nothing else while it waits: at most radius_timeout × radius_retries seconds for each
# event. What was not answered by then is lost.
radius_timeout  2
radius_retries  2
bindaddr        *

# freeradius-client and radiusclient-ng want these too; radcli does not know them:
#auth_order     radius
#login_tries    4
#login_timeout  60
#nologin        /etc/nologin
#issue          /etc/issue
#login_radius   /usr/sbin/login.radius
#login_local    /bin/login
#seqfile        /var/run/radius.seq
#mapfile        {folder}port-id-map
"""


def client_servers(profile: AccountingProfile, server: str = "127.0.0.1") -> str:
    """Return the file that holds the shared secret of each server, without a secret. Raise ``ValueError`` for what is
    no host.
    """
    server = checked_host(server)
    return f"""\
# RADIUS servers and their shared secrets. Save it as {_folder(profile)}{CLIENT_SERVERS},
# readable for the proxy's user alone (chmod 600). Write the secret that the server knows this proxy by and take the
# comment sign away: as long as there is none, no event is sent.
#{server}    the-shared-secret
"""


def _folder(profile: AccountingProfile) -> str:
    """Return the folder of the client's configuration, with a slash at its end; empty if the path has none."""
    path = client_configuration_path(profile)
    return path[: path.rfind("/") + 1]


def _attribute(one: RadiusAttribute) -> str:
    if one.number is None:
        # a name without number stops the proxy, as it must: the checks say what to do
        return f"# no free number is left for {_word(one.name)}: give it one in the profile"
    return _line("ATTRIBUTE", _word(one.name), one.number, str(one.wire))


def _status_values() -> Iterator[str]:
    for name, number in _STATUS.items():
        yield _line("VALUE", "Acct-Status-Type", name, number)
    yield _line("VALUE", "Service-Type", "Sip-Session", 15)


def _method_values(product: Product) -> Iterator[str]:
    for name, number in METHOD_NUMBERS[product].items():
        yield _line("VALUE", "Sip-Method", name, number)


def _line(keyword: str, *words: str | int) -> str:
    first, second, third = (str(word) for word in words)
    return f"{keyword}\t{first:<26} {second:<16} {third}"


def _word(name: str) -> str:
    """Return a name as one word: a blank or a line break in it would start another column or line of the file."""
    return "".join("_" if character.isspace() or not character.isprintable() else character for character in name)


def _warnings(attributes: tuple[RadiusAttribute, ...]) -> Iterator[str]:
    numbers = {one.number for one in attributes if one.number is not None}
    if any(101 <= number <= 122 for number in numbers):
        yield "101 to 122 have become Error-Cause, EAP-Key-Name and Digest-* (RFC 5176, 4072, 5090): with this file"
        yield "FreeRADIUS reads them as the SIP attributes below, for all its clients."
    if any(one.wire is RadiusWire.INTEGER and one.number and one.number > 122 for one in attributes):
        yield "From 119 on they are Ascend's too in dictionary.ascend.illegal, with names for the values of some (0 of"
        yield "Sip-Call-Setuptime reads Route-IP-No): leave out the line that includes it as well."
