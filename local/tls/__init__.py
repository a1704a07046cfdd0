"""The local certificate authority and the server certificates it signs (X.509, RFC 5280)."""
