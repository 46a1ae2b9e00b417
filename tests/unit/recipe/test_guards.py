"""Texts that git and pip could take for options or programs."""

from __future__ import annotations

import pytest

from flowctl.recipe.guards import (
    git_ref_problem,
    git_url_problem,
    inner_path_problem,
    requirement_problem,
)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/team/shop.git",
        "https://user@example.org:8443/x",
        "ssh://git@example.org/x",
        "ssh://git@[::1]:22/x".replace("::", "0:0:0:0:0:0:0:"),
        "git@example.org:team/shop.git",
        "file:///srv/git/shop.git",
    ],
)
def test_plain_addresses_are_fine(url: str) -> None:
    assert git_url_problem(url) == ""


@pytest.mark.parametrize(
    "url",
    [
        "--upload-pack=id",
        "-oProxyCommand=id",
        "ext::sh",
        "ext::sh -c id",
        "git://example.org/x",
        "http://example.org/x",
        "ssh://-oProxyCommand=id/x",
        "ssh://-x@host/x",
        "git@-host:x",
        "git@host:-x",
        "-git@host:x",
        "https:///x",
        "file://host/x",
        "file:relative",
        "https://u:secret@host/x",
        "https://host/\nx",
        "https://host/x\0",
        "/srv/git/x",
        "../x",
        "host:x",
        "fd::17/foo",
        "https://[bad/x",
        "https://host/a::b",
    ],
)
def test_dangerous_addresses_are_refused(url: str) -> None:
    assert git_url_problem(url)


def test_the_password_is_not_repeated() -> None:
    assert "secret" not in git_url_problem("https://u:secret@host/x")


@pytest.mark.parametrize("ref", ["main", "v1.2.3", "feature/x_y-z", "0a1b2c"])
def test_plain_refs_are_fine(ref: str) -> None:
    assert git_ref_problem(ref) == ""


@pytest.mark.parametrize("ref", ["-x", "a..b", "a b", "a~1", "x.lock", "a\n", "", ".x", "a/"])
def test_dangerous_refs_are_refused(ref: str) -> None:
    assert git_ref_problem(ref)


@pytest.mark.parametrize("text", ["-r x", "--index-url=http://x", "a\nb", " "])
def test_options_are_no_requirements(text: str) -> None:
    assert requirement_problem(text)


def test_a_requirement_is_fine() -> None:
    assert requirement_problem("httpx>=0.27; python_version > '3.8'") == ""


@pytest.mark.parametrize("path", ["/x", "../x", "a/../b", "~/x", "-x", "a\\b", "a\nb"])
def test_a_path_does_not_leave_its_checkout(path: str) -> None:
    assert inner_path_problem(path)


def test_an_inner_path_is_fine() -> None:
    assert inner_path_problem("src/shop") == ""
