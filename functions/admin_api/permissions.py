"""What may be done here, one permission per kind of operation. Who may what is decided by roles, not by this code."""

from __future__ import annotations

ADMIN_PERMISSIONS = {
    "users:read": "See users",
    "users:write": "Create, change, disable and enable users; have mails sent to them",
    "users:erase": "Erase users for good",
    "sessions:read": "See sessions, consents and refresh families",
    "sessions:end": "End sessions, consents and refresh families; sign people and clients out",
    "roles:read": "See roles",
    "roles:write": "Create, change and delete roles",
    "roles:assign": "Give and take away roles",
    "apis:read": "See resource servers, their permissions and scopes",
    "apis:write": "Create and change resource servers, permissions and scopes",
    "clients:read": "See clients",
    "clients:write": "Register and change clients",
    "clients:secrets": "Issue, rotate and revoke clients' secrets",
    "keys:read": "See signing keys",
    "keys:rotate": "Announce, activate and withdraw signing keys",
    "platform:sign-out": "Sign everybody out",
    "commands:read": "See provisioning commands",
    "commands:redrive": "Redrive parked commands",
    "commands:dismiss": "Dismiss parked commands",
    "commands:edit": "Change parked commands",
    "policies:read": "See what senders may do",
    "audit:read": "Search the audit log",
}
SCOPE = "admin"
ROLE = "administrator"
