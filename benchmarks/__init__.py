"""What `make bench` runs: the token core beside its floor, its ceiling and a peer, in one run."""
