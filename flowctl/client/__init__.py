"""flowctl for programs."""
