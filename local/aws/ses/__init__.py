"""SES v2's sending: a durable mailbox in place of the internet, events as SES sends them."""
