"""Makes users who log in by SCRAM-SHA-512, as the administrator of a broker of the tests.

    scram.py KAFKA PASSWORD USER…
"""

import sys

from confluent_kafka.admin import AdminClient, ScramCredentialInfo, ScramMechanism, UserScramCredentialUpsertion


def main(kafka: str, password: str, *users: str) -> None:
    how = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
    wanted = [UserScramCredentialUpsertion(user, how, password.encode()) for user in users]
    # It has to outlive the answers.
    admin = AdminClient({"bootstrap.servers": kafka})
    for answer in admin.alter_user_scram_credentials(wanted).values():
        answer.result(timeout=20)


if __name__ == "__main__":
    main(*sys.argv[1:])
