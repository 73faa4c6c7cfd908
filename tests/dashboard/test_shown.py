"""What people wrote is shown as they wrote it: nothing of it is markup, and handles, hashtags and
links stay as they are within Persian and Arabic."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from dashboard.shown import isolated, shown


def test_handles_and_links_are_kept_from_left_to_right_and_hashtags_by_their_letters() -> None:
    assert shown("سلام @shop، #حراج https://a.b/c.") == (
        'سلام <bdi dir="ltr">@shop</bdi>، <bdi>#حراج</bdi> <bdi dir="ltr">https://a.b/c</bdi>.'
    )


def test_deciding_words_are_underlined_within_names_and_across_their_edges() -> None:
    assert shown("به @shop بگو", ["shop"]) == (
        'به <bdi dir="ltr">@<u class="why">shop</u></bdi> بگو'
    )
    assert shown("late @shop now", ["late @shop"]) == (
        '<u class="why">late </u><bdi dir="ltr"><u class="why">@shop</u></bdi> now'
    )


def test_only_whole_words_are_underlined() -> None:
    assert shown("شبکه که", ["که"]) == 'شبکه <u class="why">که</u>'


def test_text_is_never_markup_even_where_it_claims_to_be() -> None:
    assert shown(Markup("<b>@shop</b>")) == '&lt;b&gt;<bdi dir="ltr">@shop</bdi>&lt;/b&gt;'


@given(
    st.text(alphabet=st.sampled_from("@#+/<>&\"' abشس.:hts"), max_size=40),
    st.lists(st.text(alphabet="@#abشس<", max_size=3), max_size=3),
)
def test_every_sign_is_shown_once_and_in_order(text: str, why: list[str]) -> None:
    bare = re.sub(r'<bdi(?: dir="ltr")?>|</bdi>|<u class="why">|</u>', "", shown(text, why))
    assert Markup(bare).unescape() == text
    assert re.sub("[\u2066\u2068\u2069]", "", isolated(text)) == text
