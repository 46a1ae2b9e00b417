import logging

import pytest

from schedulerd import __main__ as program


@pytest.fixture(autouse=True)
def _home(tmp_path, monkeypatch):
    monkeypatch.setenv("FLOWCTL_HOME", str(tmp_path))


def test_a_bad_setting_is_told_with_exit_code_2(monkeypatch, capsys):
    monkeypatch.setenv("FLOWCTL_LOST_AFTER", "soon")
    assert program.main([]) == 2
    assert capsys.readouterr().err.startswith("schedulerd: environment FLOWCTL_LOST_AFTER")


def test_unknown_options_are_refused(capsys):
    with pytest.raises(SystemExit) as ended:
        program.main(["--nonsense"])
    assert ended.value.code == 2
    assert "--nonsense" in capsys.readouterr().err


def test_a_reload_takes_the_new_log_level(monkeypatch):
    root = logging.getLogger()
    before = root.level
    try:
        monkeypatch.setenv("FLOWCTL_LOG_LEVEL", "debug")
        program._reload()
        assert root.level == logging.DEBUG
        monkeypatch.setenv("FLOWCTL_LOG_LEVEL", "loud")
        program._reload()
        assert root.level == logging.DEBUG
    finally:
        root.setLevel(before)
