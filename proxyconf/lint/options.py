"""Rules about the options of the accounting modules: availability, values, consequences."""

from __future__ import annotations

import re
from collections.abc import Iterator

from proxyconf.lint.columns import dialect, writes_sql
from proxyconf.lint.finding import Fix
from proxyconf.lint.fixes import set_option, set_parameter, use_default
from proxyconf.lint.flags import uses_json_missed
from proxyconf.lint.places import BACKENDS, number_of, option_place, used_backends
from proxyconf.lint.registry import Place, Problem, error, note, rule, warning
from proxyconf.profile import AccountingProfile
from proxyconf.render.sql_schema import Dialect
from proxyconf.vocabulary.layout import Backend
from proxyconf.vocabulary.messages import message as _
from proxyconf.vocabulary.parameters import Value, why_absent
from proxyconf.vocabulary.products import Product

_FILTER = re.compile(r"[0-9]{3}(,[0-9]{3})*", re.ASCII)
_MOST_FILTERED = 15
_FACILITIES = frozenset(
    f"LOG_{one}"
    for one in (
        *("AUTH", "AUTHPRIV", "CRON", "DAEMON", "FTP", "KERN", "LPR", "MAIL", "NEWS", "SYSLOG", "USER", "UUCP"),
        *(f"LOCAL{number}" for number in range(8)),
    )
)
_CHECKED_AT_START = frozenset({"cdr_enable", "cdr_expired_dlg_enable"})
_TIME_FORMAT_LENGTH = 127


@rule("option-unknown", _("The proxy does not start with a parameter that its module does not have, so it is omitted."))
def option_unknown(profile: AccountingProfile) -> Iterator[Problem]:
    for key in profile.options:
        if key not in profile.parameters:
            yield warning(
                option_place(key),
                why_absent(profile.product, profile.version, key),
                _("Remove it, or choose another release."),
            ).fixed_by(use_default(key))


@rule("option-type", _("The proxy does not start with a text instead of a number, or with a number instead of a text."))
def option_type(profile: AccountingProfile) -> Iterator[Problem]:
    for key, value in profile.options.items():
        parameter = profile.applicable_options().get(key)
        if parameter is None:
            continue
        if parameter.is_integer and not isinstance(value, int):
            yield error(
                option_place(key),
                _("{value!r} is not a number.", value=value),
                _("Allowed: {allowed}.", allowed=_(parameter.allowed)),
            ).fixed_by(set_option(key, int(value)) if is_decimal(value) else use_default(key))
        elif not parameter.is_integer and not isinstance(value, str):
            yield error(
                option_place(key),
                _("{value!r} is a number, not a text.", value=value),
                _("Allowed: {allowed}.", allowed=_(parameter.allowed)),
            ).fixed_by(set_option(key, str(value)) if not key.endswith("facility") else use_default(key))


@rule("option-value", _("The module does not check the value, and its behaviour is undefined."))
def option_value(profile: AccountingProfile) -> Iterator[Problem]:
    for key, value in profile.options.items():
        parameter = profile.applicable_options().get(key)
        if parameter is None or not isinstance(value, int) or value == parameter.default:
            continue
        low, high = parameter.bounds or (value, value)
        if low <= value <= high and value in (parameter.choices or (value,)):
            continue
        stops = parameter.name in _CHECKED_AT_START
        yield (error if stops else warning)(
            option_place(key),
            _("{key} is {value}.", key=key, value=value),
            _("Allowed: {allowed}.", allowed=_(parameter.allowed)),
            _("The proxy does not start with it.") if stops else "",
        ).fixed_by(use_default(key))


def is_decimal(value: Value) -> bool:
    """Return whether a text is a whole number."""
    return isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,9}", value.strip(), re.ASCII) is not None


@rule(
    "failed-filter-form",
    _(
        "The proxy does not start with anything but codes of three digits from 300 on, joined by commas "
        "without blanks, 15 at most."
    ),
)
def failed_filter_form(profile: AccountingProfile) -> Iterator[Problem]:
    value = profile.options.get("failed_filter")
    if "failed_filter" not in profile.parameters or not isinstance(value, str) or value == "":
        return
    place = option_place("failed_filter")
    codes = [int(one) for one in value.split(",")] if _FILTER.fullmatch(value) else []
    if not codes:
        what = _("{value!r} is not a valid list of codes.", value=value)
        yield error(place, what, _("Write it like 404,486.")).fixed_by(_clean_filter(value))
    elif min(codes) < 300:
        what = _("{code} is not a code of a failed call.", code=min(codes))
        yield error(place, what, _("Use codes from 300 to 699.")).fixed_by(_clean_filter(value))
    elif len(codes) > _MOST_FILTERED:
        yield error(
            place, _("The list has {count} codes.", count=len(codes)), _("Use {most} at most.", most=_MOST_FILTERED)
        ).fixed_by(_clean_filter(value))
    elif max(codes) > 699:
        yield warning(
            place,
            _("{code} is not a valid SIP code.", code=max(codes)),
            _("Use codes from 300 to 699."),
            _("It filters nothing."),
        ).fixed_by(_clean_filter(value))


def _clean_filter(value: str) -> Fix:
    """Return the fix that leaves the codes of failed calls in the list, or no list where there are none."""
    codes = [code for code in re.findall(r"[0-9]+", value, re.ASCII) if re.fullmatch(r"[3-6][0-9]{2}", code)]
    if not codes:
        return use_default("failed_filter")
    return set_option("failed_filter", ",".join(list(dict.fromkeys(codes))[:_MOST_FILTERED]))


@rule("failed-filter-effect", _("The filter only suppresses failed transactions of acc."))
def failed_filter_effect(profile: AccountingProfile) -> Iterator[Problem]:
    if not profile.is_on("failed_filter"):
        return
    place = option_place("failed_filter")
    if profile.flags.failed is None:
        yield note(
            place, _("Failed calls are not accounted at all."), _("Set failed_transaction_flag, or drop the filter.")
        )
    elif profile.flags.missed:
        yield note(
            place,
            _("Missed calls are written whatever their code."),
            _("Do not set the missed flag for calls to leave out."),
        )


@rule("log-level", _("A line is printed only if the proxy's debug level is as high: above it accounting is silent."))
def log_level(profile: AccountingProfile) -> Iterator[Problem]:
    level, default = number_of(profile, "log_level"), profile.parameters.get("log_level")
    writes = Backend.SYSLOG in used_backends(profile) or profile.is_on("cdr_enable")
    if writes and level is not None and default is not None and isinstance(default.default, int):
        core = "log_level" if profile.product is Product.OPENSIPS and profile.version >= (2, 2) else "debug"
        if level > default.default:
            yield warning(
                option_place("log_level"),
                _("The lines have level {level}, below NOTICE ({default}).", level=level, default=default.default),
                _(
                    "Set {core}={level} or higher in the proxy's core settings, or leave log_level at {default}.",
                    core=core,
                    level=level,
                    default=default.default,
                ),
            ).fixed_by(use_default("log_level"))
        elif profile.product is Product.KAMAILIO and profile.version >= (3, 0) and level > 0:
            yield note(
                option_place("log_level"),
                _("The lines have level {level} (NOTICE); the core's default is debug=0.", level=level),
                _("Make sure that the script sets debug={level} or higher.", level=level),
            )


@rule("log-facility", _("The proxy does not start with a facility that it does not know."))
def log_facility(profile: AccountingProfile) -> Iterator[Problem]:
    for key, value in profile.options.items():
        if key in profile.applicable_options() and key.endswith("facility") and value not in _FACILITIES:
            yield error(
                option_place(key),
                _("{value!r} is not a valid facility.", value=value),
                _("Use LOG_DAEMON, LOG_USER or LOG_LOCAL0 to LOG_LOCAL7."),
            ).fixed_by(_facility(key, str(value)))


def _facility(key: str, value: str) -> Fix:
    name = f"LOG_{value.strip().upper().removeprefix('LOG_')}"
    return set_option(key, name) if name in _FACILITIES else use_default(key)


@rule(
    "report-ack",
    _("The event of the ACK has the code of the INVITE, 200: readers that count answered events count the call twice."),
)
def report_ack(profile: AccountingProfile) -> Iterator[Problem]:
    if profile.is_on("report_ack"):
        yield warning(
            option_place("report_ack"),
            _("Each call has two lines that look like its start."),
            _("Set report_ack to 0: the event of the INVITE says all."),
        ).fixed_by(set_option("report_ack", 0))
        external = [one for one in used_backends(profile) if profile.known_backends[one].module != "acc"]
        if profile.product is Product.KAMAILIO and profile.version >= (4, 4) and external:
            yield note(
                option_place("report_ack"),
                _("acc_radius, acc_diameter and acc_json look at the flag of the ACK itself."),
                _("Set the flag on ACKs too if these backends shall have them."),
                _("The log and SQL look at the flag of the INVITE."),
            )


@rule(
    "early-media",
    _("The event of a provisional reply is not an answer, and a retransmitted reply causes another event."),
)
def early_media(profile: AccountingProfile) -> Iterator[Problem]:
    if not profile.is_on("early_media"):
        return
    place = option_place("early_media")
    if profile.product is Product.OPENSIPS and profile.version >= (3, 2):
        yield error(
            place,
            _("The ringing becomes part of the call."),
            _("Set early_media to 0."),
            _(
                "Seen live on OpenSIPS 3.6: the time of the first event of an INVITE, here that of the 183, is "
                "the time of its later events too. START and call record begin with the ringing, and durations "
                "are too long."
            ),
        ).fixed_by(set_option("early_media", 0))
        return
    radius = Backend.RADIUS in used_backends(profile)
    yield note(
        place,
        _("Provisional replies with a body are accounted, in RADIUS as Failed.")
        if radius
        else _("Provisional replies with a body are accounted."),
        _("Set early_media to 0 unless something reads these events."),
    ).fixed_by(set_option("early_media", 0))


@rule(
    "detect-direction-rr", _("The direction is read from the From tag in the Route header: the proxy does not start.")
)
def detect_direction_rr(profile: AccountingProfile) -> Iterator[Problem]:
    if not profile.is_on("detect_direction"):
        return
    for index, other in enumerate(profile.other_parameters):
        if (other.module, other.name) == ("rr", "append_fromtag") and other.value in (0, "0"):
            yield error(
                Place(f"other_parameters[{index}]", _("parameter append_fromtag of rr")),
                _("detect_direction is on and append_fromtag is 0."),
                _('Set modparam("rr", "append_fromtag", 1), or detect_direction to 0.'),
            ).fixed_by(set_parameter(index, 1), set_option("detect_direction", 0))


@rule("detect-direction-who", _("The tags of a BYE from the callee are swapped back before it is written."))
def detect_direction_who(profile: AccountingProfile) -> Iterator[Problem]:
    if profile.is_on("detect_direction"):
        yield note(
            option_place("detect_direction"),
            _("It is no longer visible who released the call."),
            _("Set detect_direction to 0: accweb joins START and STOP whatever the order of the tags."),
        ).fixed_by(set_option("detect_direction", 0))


@rule(
    "local-time",
    _(
        "The column time is the proxy's local time without its zone: an hour is ambiguous when summer "
        "time ends, and a duration across the change is off by an hour."
    ),
)
def local_time(profile: AccountingProfile) -> Iterator[Problem]:
    mode = number_of(profile, "time_mode")
    if mode is not None and writes_sql(profile) and mode in (0, 3):
        yield note(
            option_place("time_mode"),
            _("Rows hold local time only.") if mode == 0 else _("The extra time is local, too."),
            _("Set time_mode to 1 or 2 (seconds since 1970, with a fraction) or 4 (UTC), or let the proxy run in UTC."),
        ).fixed_by(set_option("time_mode", 2))


@rule("time-format", _("The text is cut, or left out."))
def time_format(profile: AccountingProfile) -> Iterator[Problem]:
    text = profile.option("time_format")
    if number_of(profile, "time_mode") in (3, 4) and isinstance(text, str) and len(text) > _TIME_FORMAT_LENGTH:
        yield warning(
            option_place("time_format"),
            _("The format has {count} characters.", count=len(text)),
            _("Its result may have {most} bytes.", most=_TIME_FORMAT_LENGTH),
        ).fixed_by(use_default("time_format"))


@rule("insert-mode", _("How rows are inserted decides whether they arrive."))
def insert_mode(profile: AccountingProfile) -> Iterator[Problem]:
    mode, place = number_of(profile, "db_insert_mode"), option_place("db_insert_mode")
    if not writes_sql(profile):
        return
    if mode == 1 and dialect(profile) in (Dialect.MYSQL, None):
        yield (error if dialect(profile) is Dialect.MYSQL else warning)(
            place,
            _("Rows are written with INSERT DELAYED."),
            _("Set db_insert_mode to 0."),
            _(
                "MariaDB refuses the statement for InnoDB tables, and every row is lost; MySQL 5.7 and later no "
                "longer has it and treats it as an ordinary INSERT."
            ),
        ).fixed_by(set_option("db_insert_mode", 0))
    elif mode == 1:
        what = _("INSERT DELAYED is a statement of MySQL only.")
        yield warning(place, what, _("Set db_insert_mode to 0.")).fixed_by(set_option("db_insert_mode", 0))
    elif mode == 2:
        yield note(
            place,
            _("Rows are written by the core's asynchronous workers."),
            _("Set async_workers=1 or more in the core settings."),
            _("Rows may be written in another order than the events came in."),
        )


@rule("reason-from-header", _('The Reason header, such as Q.850;cause=16;text="x", stands in the line as it is.'))
def reason_from_header(profile: AccountingProfile) -> Iterator[Problem]:
    if profile.is_on("reason_from_hf") and Backend.SYSLOG in used_backends(profile):
        yield note(
            option_place("reason_from_hf"),
            _("The field reason of a log line will hold semicolons and equals signs."),
            _("Read the line by the order of its fields, as accweb does."),
        )


@rule(
    "acc-request",
    _(
        "Seen live on Kamailio 5.6 (the code is the same in all later ones): acc_request() writes the "
        "log line, but takes its prefix for the name of the table, and the database refuses the row."
    ),
)
def acc_request(profile: AccountingProfile) -> Iterator[Problem]:
    if profile.product is Product.KAMAILIO and profile.version >= (5, 1) and writes_sql(profile):
        yield note(
            BACKENDS,
            _("acc_request() never writes SQL."),
            _('In the script call acc_log_request("…") and acc_db_request("…", "acc") instead.'),
        )


@rule("json-output", _("acc_json sends its objects to syslog unless told not to, and to a queue where one is named."))
def json_output(profile: AccountingProfile) -> Iterator[Problem]:
    if Backend.JSON not in used_backends(profile):
        return
    prefix = "acc_json.acc_" if "acc_json.acc_output_syslog" in profile.parameters else "acc_json."
    to_syslog, to_queue = profile.is_on(f"{prefix}output_syslog"), profile.is_on(f"{prefix}output_mqueue")
    if not to_syslog and not to_queue:
        yield warning(
            option_place(f"{prefix}output_syslog"),
            _("The objects are not written anywhere."),
            _("Set a queue, or enable the output to syslog."),
        ).fixed_by(use_default(f"{prefix}output_syslog"))
    elif to_syslog and number_of(profile, f"{prefix}log_level") == 1:
        yield note(
            option_place(f"{prefix}log_level"),
            _("The objects are written to syslog with priority ALERT."),
            _("Set it to 5 (NOTICE), so that they raise no alarm, or the output to 0 to keep them out of syslog."),
            _("The number is that of syslog(3), and 1 is ALERT."),
        ).fixed_by(set_option(f"{prefix}log_level", 5))


@rule("json-kind", _("The objects of answered and of missed calls have the same members."))
def json_kind(profile: AccountingProfile) -> Iterator[Problem]:
    if uses_json_missed(profile):
        yield note(
            Place("flags.missed.json", _("flag for missed calls in JSON")),
            _("A missed call looks like an accounted one."),
            _("Remove the missed flag, or add a field that the script sets, such as kind=$avp(kind)."),
        )


@rule("json-encoded", _('Such a value is embedded unchanged; if it is not JSON it becomes "INVALID_JSON".'))
def json_encoded(profile: AccountingProfile) -> Iterator[Problem]:
    prefix = str(profile.option("acc_json.acc_pre_encoded_prefix") or "")
    if prefix and Backend.JSON in used_backends(profile):
        for index, extra in enumerate(profile.extras):
            if extra.labels.get(Backend.JSON, "").startswith(prefix):
                yield note(
                    Place(
                        f"extras[{index}].labels.json",
                        _("extra field {number} “{name}”, label for JSON", number=index + 1, name=extra.name),
                    ),
                    _("{variable} must hold JSON text.", variable=extra.variable),
                    _("Make sure that the script assigns valid JSON, or choose a label without the prefix."),
                )
