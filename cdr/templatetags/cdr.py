"""``{% load cdr %}``: the markup of a call's values, for templates."""

from __future__ import annotations

from django import template

from cdr import markup

register = template.Library()

for _show in (
    markup.ago,
    markup.clock,
    markup.duration,
    markup.exact_seconds,
    markup.flag_badges,
    markup.flag_words,
    markup.moment,
    markup.moment_in,
    markup.number,
    markup.outcome,
    markup.parties,
    markup.party,
    markup.plain,
    markup.raw_input,
    markup.released_by,
    markup.rule_word,
    markup.shortly,
    markup.state_badge,
    markup.state_of,
    markup.value,
    markup.visible,
    markup.visible_lines,
):
    register.filter(_show)
register.simple_tag(markup.icon)
register.simple_tag(markup.lag)
register.simple_tag(markup.since)
register.simple_tag(markup.arrow)
