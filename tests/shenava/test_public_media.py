"""An address of one picture: good for a while, for that picture, and made by nobody else."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.factories import START

from shenava.public_media import BadToken, media_token, picture_of, public_media_url

KEY, OTHER = b"k" * 32, b"o" * 32
SOON = START + timedelta(minutes=5)


def test_it_opens_its_picture_until_its_end() -> None:
    token = media_token(KEY, 42, SOON)
    assert picture_of(KEY, token, START) == 42
    assert picture_of(KEY, token, SOON - timedelta(seconds=1)) == 42
    with pytest.raises(BadToken):
        picture_of(KEY, token, SOON)


def test_another_key_opens_nothing() -> None:
    with pytest.raises(BadToken):
        picture_of(OTHER, media_token(KEY, 42, SOON), START)


@given(at=st.integers(0), letter=st.sampled_from("ABCabc019-_=."))
def test_a_changed_letter_opens_nothing(at: int, letter: str) -> None:
    token = media_token(KEY, 42, SOON)
    changed = token[: at % len(token)] + letter + token[at % len(token) + 1 :]
    if changed != token:
        with pytest.raises(BadToken):
            picture_of(KEY, changed, START)


@given(token=st.text(max_size=60))
def test_whatever_stands_there(token: str) -> None:
    with pytest.raises(BadToken):
        picture_of(KEY, token, START)


def test_the_address_has_the_base_once() -> None:
    url = public_media_url("https://desk.shop.example/", KEY, 42, SOON)
    assert url.startswith("https://desk.shop.example/media/public/")
    assert url.count("//") == 1
