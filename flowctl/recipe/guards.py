"""What may be handed to git and pip: nothing that they could take for an option or a program.

Each guard returns the sentence that refuses a text, or an empty one. They are applied when a
recipe is read, and again by whoever runs the program.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

SCHEMES = ("https", "ssh", "file")
_CONTROL = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029]")
_SCP = re.compile(r"[A-Za-z0-9_][\w.-]*@[A-Za-z0-9][\w.-]*:(?!:)[^-:][^:]*")
_REF = re.compile(r"[A-Za-z0-9][\w./-]*", re.ASCII)
_HOST = re.compile(r"[A-Za-z0-9\[][\w.:\]-]*", re.ASCII)


def git_url_problem(url: str) -> str:
    """Return why git may not fetch from an address, or nothing.

    >>> git_url_problem("git@example.org:team/shop.git")
    ''
    >>> git_url_problem("ext::sh -c id")
    'a git address holds no blanks and no control characters'
    """
    if _CONTROL.search(url):
        return "a git address holds no blanks and no control characters"
    if url.startswith("-"):
        return 'a git address does not begin with "-": git would take it for an option'
    if "::" in url:
        return 'a git address with "::" would let git run another program'
    if "://" not in url:
        return (
            ""
            if _SCP.fullmatch(url)
            else "a git address begins with https://, ssh:// or file://, or is user@host:path"
        )
    return _address_problem(url)


def _address_problem(url: str) -> str:
    try:
        parts = urlsplit(url)
        host, password = parts.hostname or "", parts.password
    except ValueError as error:
        return f"not an address: {error}"
    if parts.scheme not in SCHEMES:
        return f'git over "{parts.scheme}" is not allowed, only https, ssh and file'
    if parts.scheme == "file":
        return (
            ""
            if not parts.netloc and parts.path.startswith("/")
            else "a file address has three slashes: file:///folder"
        )
    if not _HOST.fullmatch(host):
        return "the address names no host"
    if (parts.username or "").startswith("-"):
        return 'the user in a git address does not begin with "-"'
    return (
        "a password in an address shows in listings and logs; let ssh keys or a git credential helper hold it"
        if password
        else ""
    )


def git_ref_problem(ref: str) -> str:
    """Return why a text cannot be a branch, tag or commit, or nothing."""
    if not _REF.fullmatch(ref) or ".." in ref or ref.endswith((".lock", "/", ".")):
        return "a git ref begins with a letter or digit and holds only letters, digits and . _ / -"
    return ""


def requirement_problem(text: str) -> str:
    """Return why a line is not a requirement, or nothing."""
    if text.startswith("-"):
        return "a requirement names a package; options for pip are not allowed"
    if not text.strip() or any(ord(letter) < 32 or ord(letter) == 127 for letter in text):
        return "a requirement is one line that names a package"
    return ""


def inner_path_problem(path: str) -> str:
    """Return why a path does not stay inside a checkout, or nothing."""
    parts = path.split("/")
    if path.startswith(("/", "~", "-")) or ".." in parts or "\\" in path or _CONTROL.search(path):
        return "a path inside a checkout is relative and does not leave it"
    return ""
