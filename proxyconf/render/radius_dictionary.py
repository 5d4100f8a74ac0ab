"""The RADIUS dictionaries of a profile, for the proxy's client library and FreeRADIUS, and the client's configuration.

The dictionary shipped with Kamailio, OpenSER and OpenSIPS up to 3 is incomplete: with it and a stock radcli the module
does not start ("can't get code for the … attribute"). Therefore the generated client dictionary is complete. The
library searches the value names Start, Stop, Alive, Failed and Sip-Session in the whole dictionary, whatever attribute
they belong to, so nothing else in the file may have these names.
"""

from __future__ import annotations

from collections.abc import Iterator

from proxyconf.profile import AccountingProfile
from proxyconf.render.endpoint import checked_host, checked_port
from proxyconf.render.radius_attributes import RadiusAttribute, RadiusWire, attributes_of, uses_radius
from proxyconf.vocabulary.products import Product
from proxyconf.vocabulary.sip_methods import METHOD_NUMBERS

CLIENT_DICTIONARY = "dictionary"
"""The file name of the dictionary, in the folder of the client's configuration."""

CLIENT_SERVERS = "servers"
"""The file name of the shared secrets, in the folder of the client's configuration."""

_DEFAULT_CONFIGURATION = "/etc/radcli/radiusclient.conf"
_STATUS = {"Start": 1, "Stop": 2, "Alive": 3, "Accounting-On": 7, "Accounting-Off": 8, "Failed": 15}


def client_dictionary(profile: AccountingProfile) -> str:
    """Return the dictionary for the proxy's client library: radcli, freeradius-client or radiusclient-ng."""
    lines = [
        f"# Complete RADIUS dictionary for the accounting of {profile.product.label} {profile.version}.",
        "# For radcli, freeradius-client and radiusclient-ng. The server must know the same numbers.",
    ]
    if not uses_radius(profile):
        return "\n".join([*lines, "# This profile sends no RADIUS.", ""])
    attributes = attributes_of(profile)
    lines += ["", *(_attribute(one) for one in attributes.standard)]
    lines += [
        "# With radcli and a server reached over IPv6:",
        f"#{_line('ATTRIBUTE', 'NAS-IPv6-Address', 95, 'ipv6addr')}",
    ]
    lines += ["", "# sent by acc", *(_attribute(one) for one in attributes.acc)]
    lines += (
        ["", "# extras and legs of the profile", *(_attribute(one) for one in attributes.fields)]
        if attributes.fields
        else []
    )
    lines += ["", *_status_values(), *_method_values(profile.product)]
    return "\n".join([*lines, ""])


def server_dictionary(profile: AccountingProfile) -> str:
    """Return the dictionary for FreeRADIUS 3, to be included after its own files: the attributes that they lack."""
    lines = [
        f"# FreeRADIUS dictionary for the accounting of {profile.product.label} {profile.version}.",
        "# Save it as /etc/freeradius/3.0/dictionary.sip_accounting (raddb/… on other systems) and add to the file",
        "# named dictionary there:   $INCLUDE dictionary.sip_accounting",
        "# FreeRADIUS refuses duplicate names, and the dictionary of Columbia University defines Sip-Method too.",
        "# Upgrades restore the files of the package, so create a main dictionary in the configuration's directory,",
        "#   mkdir /etc/freeradius/3.0/dictionaries",
        "#   sed -E 's|^\\$INCLUDE +dictionary\\.columbia_university|#&|;"
        " s|^\\$INCLUDE +([^/])|$INCLUDE /usr/share/freeradius/\\1|' \\",
        "#     /usr/share/freeradius/dictionary > /etc/freeradius/3.0/dictionaries/dictionary",
        "# and start FreeRADIUS with   -D /etc/freeradius/3.0/dictionaries   (FREERADIUS_OPTIONS in",
        "# /etc/default/freeradius on Debian).",
    ]
    if not uses_radius(profile):
        return "\n".join([*lines, "# This profile sends no RADIUS.", ""])
    attributes = attributes_of(profile)
    lines += [f"# {line}" for line in _warnings((*attributes.acc, *attributes.fields))]
    text_time = [one for one in attributes.standard if one.name == "Event-Timestamp" and one.wire is RadiusWire.STRING]
    if text_time:
        lines += ["", "# rad_time_mode 1: the time is sent as text, not as a date"]
        lines += [_attribute(one) for one in text_time]
    lines += ["", *(_attribute(one) for one in (*attributes.acc, *attributes.fields))]
    lines += ["", *_status_values(), *_method_values(profile.product)]
    return "\n".join([*lines, ""])


def client_configuration_path(profile: AccountingProfile) -> str:
    """Return the path of the proxy's client configuration: ``radius_config``, or the path in ``aaa_url``."""
    configured = str(profile.option("radius_config") or "")
    scheme, _, path = str(profile.option("aaa_url") or "").partition(":")
    configured = configured or (path if scheme == "radius" else "")
    return " ".join(configured.split()) or _DEFAULT_CONFIGURATION


def client_configuration(profile: AccountingProfile, server: str = "127.0.0.1", port: int = 1813) -> str:
    """Return the client library's configuration: address of the server, and how long a worker waits for it.

    The dictionary and the file with the secrets are expected in the same folder. Raise ``ValueError`` for an invalid
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

# A SIP worker of the proxy is blocked while it waits for the answer: at most radius_timeout × radius_retries seconds
# for each event. Events without an answer are lost.
radius_timeout  2
radius_retries  2
bindaddr        *

# freeradius-client and radiusclient-ng need these too; radcli does not have them:
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
    """Return a template of the file with the shared secrets; raise ``ValueError`` for an invalid host."""
    server = checked_host(server)
    return f"""\
# RADIUS servers and their shared secrets. Save it as {_folder(profile)}{CLIENT_SERVERS},
# readable only by the proxy's user (chmod 600). Enter the secret that the server has for this proxy, and remove the
# comment sign: no event is sent without a secret.
#{server}    the-shared-secret
"""


def _folder(profile: AccountingProfile) -> str:
    """Return the folder of the client's configuration with a trailing slash; empty if the path has none."""
    path = client_configuration_path(profile)
    return path[: path.rfind("/") + 1]


def _attribute(attribute: RadiusAttribute) -> str:
    if attribute.number is None:
        # without a number the proxy does not start, as it should: the checks report the missing number
        return f"# no free number is left for {_word(attribute.name)}: set one in the profile"
    return _line("ATTRIBUTE", _word(attribute.name), attribute.number, str(attribute.wire))


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
    """Return a name as one word, since white space in it would start another column or line of the file."""
    return "".join("_" if character.isspace() or not character.isprintable() else character for character in name)


def _warnings(attributes: tuple[RadiusAttribute, ...]) -> Iterator[str]:
    numbers = {one.number for one in attributes if one.number is not None}
    if any(101 <= number <= 122 for number in numbers):
        yield "101 to 122 are now Error-Cause, EAP-Key-Name and Digest-* (RFC 5176, 4072, 5090): with this file"
        yield "FreeRADIUS reads them as the SIP attributes below, for all its clients."
    if any(one.wire is RadiusWire.INTEGER and one.number and one.number > 122 for one in attributes):
        yield "dictionary.ascend.illegal defines the numbers from 119 too, with names for some values (0 of"
        yield "Sip-Call-Setuptime becomes Route-IP-No): remove the line that includes it as well."
