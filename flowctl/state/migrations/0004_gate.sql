-- A person can close a gate: what comes waits on its queues until it is opened.

ALTER TABLE processor ADD COLUMN closed ${flag} NOT NULL DEFAULT FALSE;
