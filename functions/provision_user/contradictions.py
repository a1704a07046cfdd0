"""What is wrong with a command, and which of the two answers each reason gets.

| reason             | answer   | why                                                                      |
|--------------------|----------|--------------------------------------------------------------------------|
| unknown_sender     | rejected | nobody's policy covers it; a stranger holds nobody up                    |
| too_large          | rejected | over 64 KB; it stays as wrong as it is                                   |
| malformed_json     | rejected | not a JSON object; it stays as wrong as it is                            |
| unknown_type       | rejected | no command of this contract                                              |
| unknown_version    | rejected | no version of this command                                               |
| invalid_field      | rejected | the sender has to send another message                                   |
| not_allowed        | rejected | the policy doesn't list the command; granting it later doesn't revive it |
| role_not_grantable | rejected | nobody grants what their policy doesn't hold                             |
| group_mismatch     | rejected | the MessageGroupId isn't the user's reference: it has no order           |
| command_id_reused  | rejected | the first with that id stays as it is                                    |
| command_too_old    | rejected | older than the inbox remembers: it might be a repeat                     |
| user_erased        | rejected | an erased person never comes back                                        |
| already_exists     | rejected | the name is another's; commands about the registry hold nobody up        |
| unknown_name       | rejected | what it names isn't registered; sent again when it is                    |
| not_grantable      | rejected | nobody grants or registers what their policy doesn't hold                |
| user_exists        | parked   | mended by erasing or renaming the other, or dismissed                    |
| user_not_found     | parked   | mended by the create that is missing                                     |
| email_taken        | parked   | mended by changing the other user's address                              |
| external_id_taken  | parked   | as user_exists; kept for commands that will set one                      |
| role_unknown       | parked   | mended by creating the role                                              |

A rejected command changes nothing and nobody waits for it; its body is kept in `inbox.result`. A parked one is kept in
`parked_commands`, and that user's later commands wait behind it. Both are acknowledged: a queue's retries mend neither.
"""

from __future__ import annotations

from dataclasses import dataclass

from events.commands import RejectionReason

PARKED_REASONS = frozenset(
    {
        RejectionReason.USER_EXISTS,
        RejectionReason.USER_NOT_FOUND,
        RejectionReason.EMAIL_TAKEN,
        RejectionReason.EXTERNAL_ID_TAKEN,
        RejectionReason.ROLE_UNKNOWN,
    }
)
BEHIND_PARKED = "behind_parked"


@dataclass(eq=False)
class ContradictionError(Exception):
    """The command can't be applied.

    Args:
        detail: for people; names fields, never values.
    """

    reason: RejectionReason
    detail: str

    @property
    def is_parked(self) -> bool:
        return self.reason in PARKED_REASONS
