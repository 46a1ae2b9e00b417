"""A text in the person's own editor."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from flowctl.errors import InvalidInput, Refused


def edited(text: str, suffix: str, environ: Mapping[str, str] | None = None) -> str:
    """Open a text in $VISUAL or $EDITOR (else vi) and return it as it was saved.

    Raises:
        InvalidInput: there is no such editor.
        Refused: the editor failed, or the text is as it was.
    """
    environ = os.environ if environ is None else environ
    command = shlex.split(environ.get("VISUAL") or environ.get("EDITOR") or "vi")
    with tempfile.TemporaryDirectory(prefix="flowctl-") as folder:
        file = Path(folder) / f"edit{suffix}"
        file.write_text(text)
        try:
            done = subprocess.run([*command, str(file)], check=False)
        except OSError as error:
            raise InvalidInput(
                f"cannot run the editor {command[0]}: {error.strerror}", remedy="set EDITOR"
            ) from error
        after = file.read_text()
    if done.returncode:
        raise Refused(f"{command[0]} ended with {done.returncode}: nothing was changed")
    if after == text:
        raise Refused("the text is as it was: nothing was changed")
    return after
