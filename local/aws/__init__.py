"""The AWS endpoint of the local cloud: one process, one port, every service that the platform uses, nothing lost."""
