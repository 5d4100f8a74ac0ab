"""``{% load cdr %}``: the markup of a call's values, for templates."""

from __future__ import annotations

from django import template

from cdr.display import badges, clocks, markup, original_record, revisions, wording

register = template.Library()

for _show in (
    clocks.ago,
    wording.backend_name,
    wording.backend_names,
    clocks.clock,
    badges.duration,
    clocks.exact_seconds,
    badges.flag_badges,
    badges.flag_words,
    clocks.moment,
    clocks.moment_in,
    markup.number,
    badges.outcome,
    badges.parties,
    markup.pairs,
    markup.party,
    revisions.plain,
    original_record.raw_input,
    badges.released_by,
    badges.rule_word,
    markup.shortly,
    badges.state_badge,
    badges.state_of,
    markup.value,
    markup.visible,
    markup.visible_lines,
):
    register.filter(_show)
register.simple_tag(markup.icon)
register.simple_tag(clocks.lag)
register.simple_tag(clocks.since)
register.simple_tag(markup.arrow)
