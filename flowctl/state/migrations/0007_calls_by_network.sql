-- The newest calls of a network that has few among millions of others.
CREATE INDEX call_network ON call (network, at);
