"""Passwords: how they are hashed, which ones are refused, and random ones to begin with.

Refusals follow NIST SP 800-63B: length counts, known and foreseeable words do not, and there are no rules on the kinds
of characters.
"""

from __future__ import annotations

import re
import secrets
import unicodedata
from threading import Semaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from portal.accounts.errors import WeakPasswordError

LEAST_CHARACTERS = 12
#: A longer text is no password; hashing it would only cost time.
MOST_CHARACTERS = 256
#: What must remain when each foreseeable part counts as one character.
LEAST_UNFORESEEN = 8
#: Parts of the passwords that are tried first, in this house too.
FORESEEABLE = (
    "password", "passw0rd", "p@ssw0rd", "welcome", "letmein", "iloveyou", "qwertyuiop", "qwerty", "asdfghjkl", "asdf",
    "zxcvbnm", "1qaz", "2wsx", "3edc", "4rfv", "1q2w3e4r", "admin", "root", "test", "user", "login", "changeme",
    "secret", "ningbo", "cixi", "yuyao", "brain", "industrial", "chanye", "danao", "jingxin", "zhejiang", "china",
    "woaini", "5201314", "520", "1314", "147258369", "123123", "321", "19", "20", "宁波", "产业大脑", "密码",
)  # fmt: skip
#: Without letters and digits that are read as others (i l o 0 1).
READABLE = "abcdefghjkmnpqrstuvwxyz23456789"

# OWASP's parameters for Argon2id with 19 MiB: a quarter of the library's default memory a hash, because a flood of
# sign-ins must not take the memory of the server
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_AT_ONCE = Semaphore(2)
#: Checked for names that do not exist, so that the time of a refusal does not tell which names do.
_NOBODY = _HASHER.hash(secrets.token_hex())


def hashed(password: str) -> str:
    with _AT_ONCE:
        return _HASHER.hash(_normal(password))


def matches(password_hash: str | None, password: str) -> bool:
    """Whether the password is the hashed one; without a hash it takes as long and is false."""
    if len(password) > MOST_CHARACTERS:
        return False
    with _AT_ONCE:
        try:
            is_right = _HASHER.verify(password_hash or _NOBODY, _normal(password))
        except (VerificationError, InvalidHashError):
            return False
    return is_right and password_hash is not None


def needs_rehash(password_hash: str) -> bool:
    """Whether it was hashed with other parameters than today's."""
    return _HASHER.check_needs_rehash(password_hash)


def first_password() -> str:
    """A random password to read out and type once: 99 bits in four groups."""
    return "-".join("".join(secrets.choice(READABLE) for _ in range(5)) for _ in range(4))


def refuse_weak(name: str, password: str) -> None:
    """Refuse a password that is too short, or foreseeable but for a few characters.

    Raises:
        WeakPasswordError: the sentence says why.
    """
    password = _normal(password)
    if len(password) < LEAST_CHARACTERS:
        raise WeakPasswordError(
            f"密码至少 {LEAST_CHARACTERS} 个字符，可用几个互不相关的词。",
            f"a password has at least {LEAST_CHARACTERS} characters; some unrelated words make a good one",
        )
    if len(password) > MOST_CHARACTERS:
        raise WeakPasswordError(
            f"密码至多 {MOST_CHARACTERS} 个字符。", f"a password has at most {MOST_CHARACTERS} characters"
        )
    if len(_unforeseen(name, password)) < LEAST_UNFORESEEN:
        raise WeakPasswordError(
            "密码过于常见：由账户名、常用词、重复或连续字符组成，请换用几个互不相关的词。",
            "this password is too common: it is made of the account's name, known words, repetitions or sequences; "
            "take some unrelated words",
        )


def _unforeseen(name: str, password: str) -> str:
    """The password with each foreseeable part as one character.

    >>> _unforeseen("li", "Password123456")
    'p1'
    >>> _unforeseen("li", "abcabcabcabc!")
    'a!'
    """
    rest = password.casefold()
    for word in sorted((name.casefold(), *FORESEEABLE), key=len, reverse=True):
        rest = rest.replace(word, word[0])
    rest = re.sub(r"(.+?)\1+", r"\1", rest)
    return "".join(
        character
        for before, character in zip("\0" + rest, rest, strict=False)
        if abs(ord(character) - ord(before)) > 1
    )


def _normal(password: str) -> str:
    """The same characters, however the keyboard composed them."""
    return unicodedata.normalize("NFKC", password)
