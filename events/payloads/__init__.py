"""What each event says, one model per type, by subject. Fields are only ever added, last, with a default."""
