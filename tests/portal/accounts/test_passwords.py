"""Passwords: which are refused, and how they are hashed."""

from __future__ import annotations

import re

import pytest
from argon2 import PasswordHasher

from portal.accounts import passwords
from portal.accounts.errors import WeakPasswordError


@pytest.mark.parametrize(
    "password",
    [
        "", "short-words", "password1234", "Password2026!", "qwertyuiop12", "123456789012", "aaaaaaaaaaaaaa",
        "abcabcabcabcabc", "zhangwei-zhangwei", "ZhangWei2024", "ningbobrain2025", "宁波产业大脑宁波产业大脑",
        "abcdefghijklmnop", "1q2w3e4r1q2w3e4r", "x" * 257,
    ],
)  # fmt: skip
def test_short_and_foreseeable_passwords_are_refused(password: str) -> None:
    with pytest.raises(WeakPasswordError) as refused:
        passwords.refuse_weak("zhangwei", password)
    assert refused.value.told("zh") != refused.value.told("en") and "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "password", ["maple teapot harbour", "晨雾里的蓝色自行车停在桥边", "tqzkvmwpxrhd", "x7#Lq9!vRt2@"]
)
def test_no_kind_of_character_is_required(password: str) -> None:
    passwords.refuse_weak("zhangwei", password)


def test_a_first_password_is_random_readable_and_not_weak() -> None:
    some = {passwords.first_password() for _ in range(50)}
    assert len(some) == 50
    for password in some:
        assert re.fullmatch(r"([a-hjkmnp-z2-9]{5}-){3}[a-hjkmnp-z2-9]{5}", password)
        passwords.refuse_weak("admin", password)


def test_the_same_characters_match_however_they_were_composed() -> None:
    stored = passwords.hashed("caf\u00e9 caf\u00e9 teapot")
    assert "$argon2id$" in stored and "teapot" not in stored
    assert passwords.matches(stored, "cafe\u0301 cafe\u0301 teapot")
    assert not passwords.matches(stored, "cafe cafe teapot")
    assert not passwords.matches(None, "cafe cafe teapot")
    assert not passwords.matches("no hash", "cafe cafe teapot")


def test_a_hash_of_other_parameters_is_renewed() -> None:
    assert not passwords.needs_rehash(passwords.hashed("maple teapot harbour"))
    assert passwords.needs_rehash(PasswordHasher(time_cost=1, memory_cost=8192).hash("maple teapot harbour"))
