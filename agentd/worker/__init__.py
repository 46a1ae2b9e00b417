"""The worker: the process that serves one deployment and keeps its executors."""
