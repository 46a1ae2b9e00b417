"""flowctl: run Python functions as distributed data flows, and steer them from a terminal."""

__version__ = "0.1.0"
