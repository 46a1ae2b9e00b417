"""Looks at this host and says when something is over its threshold."""

import psutil

LIMITS = {"cpu": 90.0, "memory": 90.0, "disk": 95.0}
"""Percent."""


def sample(_tick):
    """Measure cpu, memory and disk of this host, in percent."""
    return {
        "cpu": psutil.cpu_percent(interval=0.2),
        "memory": psutil.virtual_memory().percent,
        "disk": psutil.disk_usage("/").percent,
    }


def threshold(reading, context=None):
    """Yield what is over its limit; where nothing is, there is no output and so no alert."""
    limits = LIMITS | {k: float(v) for k, v in reading.get("limits", {}).items()}
    over = {k: v for k, v in reading.items() if k in limits and v > limits[k]}
    if over:
        yield {"over": over, "run": context.run_id if context else ""}
