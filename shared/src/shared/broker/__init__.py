"""The broker: two ports that promise different things, one broadcast, and the topology they share."""
