"""agentd: the daemon of one host; it keeps the workers that the deployments ask for."""
