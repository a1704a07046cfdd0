"""Real engines of the local cloud: Postgres and Redis, each one foreground process with its own pid."""
