"""flowctl for the screen."""
