"""Applies provisioning commands: once each in effect, in order per user, as policy allows, visibly (P9)."""
