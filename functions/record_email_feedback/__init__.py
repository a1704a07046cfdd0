"""Writes what SES says about a mail into the mail's row: sent, delivered, bounced, complained."""
