"""Configurations of whole proxies, written as people write them: macros, conditions, comments, several files."""

from __future__ import annotations

from typing import NamedTuple

from proxyconf.parse import parse_files
from proxyconf.parse.files import ConfigFile
from proxyconf.profile import AccountingProfile
from proxyconf.vocabulary.products import Product, Version
from tests.conftest import FIELD, RECORDED


class Configuration(NamedTuple):
    """The files of a configuration and what it is for."""

    files: tuple[ConfigFile, ...]
    product: Product
    version: Version
    defines: tuple[str, ...] = ()

    @property
    def profile(self) -> AccountingProfile:
        """What the files say."""
        return parse_files(self.files, product=self.product, version=self.version, defines=self.defines).profile


KAMAILIO_TEXT = """\
#!KAMAILIO
# A proxy with accounting to the log and, on demand, to a database.
#!define FLT_ACC 1
#!define FLT_ACCMISSED 2
#!define FLT_ACCFAILED 3
#!define FLT_NATS 5
#!ifdef WITH_ACCDB
#!trydef DBURL "mysql://kamailio:secret@db.example.net/kamailio"
#!endif

listen=udp:127.0.0.1:5060
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "siputils.so"
#!ifdef WITH_ACCDB
loadmodule "db_mysql.so"
#!endif
loadmodule "acc.so"

modparam("rr", "append_fromtag", 0)
# ----- accounting -----
/* what is reported */
modparam("acc", "early_media", 0)
modparam("acc", "report_cancels", 0)
modparam("acc", "detect_direction", 0)
modparam("acc", "log_flag", FLT_ACC)
modparam("acc", "log_missed_flag", FLT_ACCMISSED)
modparam("acc", "log_extra",
\t"src_user=$fU;src_ip=$si;"
\t"dst_user=$rU;dst_domain=$rd")
modparam("acc", "failed_transaction_flag", FLT_ACCFAILED)
#!ifdef WITH_ACCDB
modparam("acc", "db_flag", FLT_ACC)
modparam("acc", "db_missed_flag", FLT_ACCMISSED)
modparam("acc", "db_url", DBURL)
modparam("acc", "db_extra",
\t"src_user=$fU;src_ip=$si;"
\t"dst_user=$rU;dst_domain=$rd")
#!endif

request_route {
\tif (has_totag()) {
\t\tif (loose_route()) {
\t\t\tif (is_method("BYE")) {
\t\t\t\tsetflag(FLT_ACC); # do accounting ...
\t\t\t\tsetflag(FLT_ACCFAILED); # ... even if the transaction fails
\t\t\t}
\t\t\tt_relay();
\t\t}
\t\texit;
\t}
\tt_check_trans();
\tif (is_method("INVITE")) {
\t\trecord_route();
\t\tsetflag(FLT_ACC); # do accounting
\t}
\tif (is_method("INVITE")) setflag(FLT_ACCMISSED);
\tt_relay();
\texit;
}
"""
OPENSIPS_TEXT = """\
mpath="/usr/lib/opensips/modules/"
loadmodule "proto_udp.so"
loadmodule "tm.so"
loadmodule "rr.so"
loadmodule "acc.so"
modparam("acc", "early_media", 0)
modparam("acc", "extra_fields", "log: src_ip; dst_ip; ua -> agent")
route {
    if (has_totag()) {
        if (is_method("BYE")) do_accounting("log", "failed");
        loose_route();
        t_relay();
        exit;
    }
    if (is_method("INVITE")) {
        record_route();
        do_accounting("log", "missed|failed");   # every call
        $acc_extra(src_ip) = $si;
        $acc_extra(ua) = $ua;
        t_on_reply("answered");
    }
    t_relay();
}
onreply_route[answered] {
    if (t_check_status("200"))
        $acc_extra(dst_ip) = $si;
}
"""
_MARK = '#!ifdef WITH_ACCDB\nmodparam("acc", "db_flag"'
_MAIN, _PART, _REST = KAMAILIO_TEXT.partition(_MARK)
_DATABASE, _END, _ROUTES = _REST.partition("#!endif\n")
KAMAILIO = (Product.KAMAILIO, Version(5, 6))
OPENSIPS = (Product.OPENSIPS, Version(3, 4))
OF_KAMAILIO = frozenset({"flat.cfg", "kam.cfg", "cdr-only.cfg", "named-flags.cfg"})
"""The files of the field that are for Kamailio."""
WITH_FLAGS = frozenset({"16-acc-table-shared-with-failed"})
"""The cases of the field with an OpenSIPS that has flags."""
OLD_OPENSIPS = (Product.OPENSIPS, Version(2, 1))
CONFIGURATIONS = {
    "kamailio": Configuration((ConfigFile("kamailio.cfg", KAMAILIO_TEXT),), *KAMAILIO),
    "kamailio with a database": Configuration((ConfigFile("kamailio.cfg", KAMAILIO_TEXT),), *KAMAILIO, ("WITH_ACCDB",)),
    "kamailio of several files": Configuration(
        (
            ConfigFile("kamailio.cfg", f'{_MAIN}include_file "conf.d/acc-db.cfg"\n#!include_file "routes.cfg"\n'),
            ConfigFile("conf.d/acc-db.cfg", f"{_MARK}{_DATABASE}#!endif"),
            ConfigFile("routes.cfg", _ROUTES),
        ),
        *KAMAILIO,
        ("WITH_ACCDB",),
    ),
    "kamailio with line ends of Windows": Configuration(
        (ConfigFile("kamailio.cfg", KAMAILIO_TEXT.replace("\n", "\r\n")),), *KAMAILIO
    ),
    "kamailio with lists in a macro": Configuration(
        (
            ConfigFile(
                "kamailio.cfg",
                '#!define FIELDS "src=$fU"\nloadmodule "acc.so"\nmodparam("acc", "log_flag", 1)\n'
                'modparam("acc", "log_extra", FIELDS)\nmodparam("acc", "db_flag", 1)\n'
                'modparam("acc", "db_url", "mysql://host/acc")\nmodparam("acc", "db_extra", FIELDS)\n'
                "request_route { setflag(1); t_relay(); }\n",
            ),
        ),
        *KAMAILIO,
    ),
    "opensips": Configuration((ConfigFile("opensips.cfg", OPENSIPS_TEXT),), *OPENSIPS),
    **{
        path.parent.name: Configuration(
            (ConfigFile("acc.cfg", path.read_text()),),
            *((Product.OPENSIPS, Version(3, 6)) if path.parent.name.startswith("opensips") else KAMAILIO),
        )
        for path in sorted(RECORDED.glob("*/acc.cfg"))
    },
    **{
        f"{path.parent.name}/{path.name}": Configuration(
            (ConfigFile(path.name, path.read_text()),),
            *(KAMAILIO if path.name in OF_KAMAILIO else OLD_OPENSIPS if path.parent.name in WITH_FLAGS else OPENSIPS),
        )
        for path in sorted(FIELD.glob("*/*.cfg"))
    },
}
