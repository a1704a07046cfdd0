"""Renders the platform's mails and hands each to SES once."""
