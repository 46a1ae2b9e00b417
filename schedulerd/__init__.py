"""schedulerd: the daemon that decides; it plans, fires schedules, watches and keeps house."""
