"""Addresses of sentinels."""

from __future__ import annotations

import pytest

from maze_tasks.models.sentinel import Sentinels, is_sentinel, read_sentinels


def test_an_address_is_taken_apart_and_spelled_for_kombu() -> None:
    read = read_sentinels("sentinel://u:p%40ss@a:1;sentinel://b/3?master_name=m&sentinel_password=s")
    assert read == Sentinels((("a", 1), ("b", 26_379)), "m", 3, "u", "p@ss", "s")
    assert read.kombu_url() == "sentinel://u:p%40ss@a:1/3;sentinel://u:p%40ss@b:26379/3"


def test_without_a_user_and_a_database() -> None:
    read = read_sentinels("sentinel://a?master_name=m")
    assert read == Sentinels((("a", 26_379),), "m")
    assert read.kombu_url() == "sentinel://a:26379/0"


def test_other_addresses_are_none() -> None:
    assert not is_sentinel("redis://sentinel/0")
    for wrong in ("redis://a", "sentinel://", "sentinel://a", "sentinel://a/x?master_name=m"):
        with pytest.raises(ValueError, match=r"sentinel|master|number"):
            read_sentinels(wrong)
