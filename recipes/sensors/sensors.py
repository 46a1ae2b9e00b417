"""Sensors that are read by schedules, and what their readings say together."""

import math
import time

DAY = 24 * 60 * 60


def read(sensor, context):
    """Read a sensor: its value swings around its mean once a day."""
    now = time.time()
    value = sensor["mean"] + sensor["swing"] * math.sin(2 * math.pi * now / DAY)
    return {"value": round(value, 1), "at": round(now, 3), "reading": context.call_id}


def comfort(temperature, humidity):
    """Tell how warm it feels; each reading is used once."""
    felt = temperature["value"] + 0.05 * (humidity["value"] - 50)
    return {"felt": round(felt, 1), "of": [temperature["reading"], humidity["reading"]]}


def weather(temperature, humidity, pressure):
    """Tell the newest of everything."""
    newest = max(temperature, humidity, pressure, key=lambda reading: reading["at"])
    return {
        "temperature": temperature["value"],
        "humidity": humidity["value"],
        "pressure": pressure["value"],
        "newest": newest["reading"],
    }
