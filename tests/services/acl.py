"""Grants and denials on a broker of the tests with an authorizer, as its administrator.

    acl.py KAFKA add|remove allow|deny PRINCIPAL OPERATION topic|transactional_id NAME
"""

import sys

from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)


def main(kafka: str, do: str, permission: str, principal: str, operation: str, kind: str, name: str) -> None:
    where = (ResourceType[kind.upper()], name, ResourcePatternType.LITERAL)
    what = (principal, "*", AclOperation[operation.upper()], AclPermissionType[permission.upper()])
    admin = AdminClient({"bootstrap.servers": kafka})
    if do == "add":
        answers = admin.create_acls([AclBinding(*where, *what)])
    else:
        answers = admin.delete_acls([AclBindingFilter(*where, *what)])
    for answer in answers.values():
        answer.result(timeout=20)


if __name__ == "__main__":
    main(*sys.argv[1:])
