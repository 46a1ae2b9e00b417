"""What may be done, one file a noun; every face and daemon calls these."""
