#!/bin/sh
# One JSON line in, one JSON line out: append each alert to the file $ALERT_FILE.
while read -r line; do
    printf '%s %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$line" >> "${ALERT_FILE:-/tmp/flowctl-alerts.log}"
    printf '{"written": true, "alert": %s}\n' "$line"
done
