"""The cockpit: flowctl for the screen. Only this room and `cli/ui.py` know Textual; see README.md."""
