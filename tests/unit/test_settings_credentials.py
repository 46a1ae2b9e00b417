from __future__ import annotations

from pathlib import Path

from flowctl.settings import load

URL = "postgresql://me:secret@db/flowctl"


def test_a_credential_of_systemd_is_a_url(tmp_path: Path) -> None:
    (tmp_path / "flowctl.state").write_text(URL + "\n")
    environ = {"FLOWCTL_HOME": str(tmp_path / "home"), "CREDENTIALS_DIRECTORY": str(tmp_path)}
    settings = load(environ)
    assert settings.state == URL
    assert settings.origin["state"] == "credential flowctl.state"
    assert settings.broker.startswith("embedded:")


def test_the_environment_counts_more(tmp_path: Path) -> None:
    (tmp_path / "flowctl.state").write_text(URL)
    environ = {
        "FLOWCTL_HOME": str(tmp_path / "home"),
        "CREDENTIALS_DIRECTORY": str(tmp_path),
        "FLOWCTL_STATE": "postgresql://other/db",
    }
    assert load(environ).state == "postgresql://other/db"
