"""Drives a simulated account with Alibaba's official Python SDK (ACS3-HMAC-SHA256).

Usage: python_sdk.py ADDRESS CONTROL KEY_ID SECRET

ADDRESS is HOST:PORT of the services over plain HTTP, CONTROL that of the control address. The key must belong to a
user (the root account may not assume roles). Exits 1 at the first result that is not as expected; what it creates, it
takes away again.
"""

import json
import sys
import time
import urllib.request

from alibabacloud_ecs20140526 import models as ecs_models
from alibabacloud_ecs20140526.client import Client as EcsClient
from alibabacloud_ims20190815 import models as ims_models
from alibabacloud_ims20190815.client import Client as ImsClient
from alibabacloud_ram20150501 import models as ram_models
from alibabacloud_ram20150501.client import Client as RamClient
from alibabacloud_resourcemanager20200331 import models as rm_models
from alibabacloud_resourcemanager20200331.client import Client as RmClient
from alibabacloud_sts20150401 import models as sts_models
from alibabacloud_sts20150401.client import Client as StsClient
from alibabacloud_tea_openapi.models import Config

DOCUMENT = '{"Version":"1","Statement":[{"Effect":"Allow","Action":"oss:*","Resource":"*"}]}'
DOCUMENT_2 = '{"Version":"1","Statement":[{"Effect":"Deny","Action":"oss:*","Resource":"*"}]}'
TRUST = (
    '{"Version":"1","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole",'
    '"Principal":{"Service":["ecs.aliyuncs.com"]}}]}'
)


def expect(what, got, wanted):
    if got != wanted:
        print(f"FAILED {what}: got {got!r}, expected {wanted!r}", file=sys.stderr)
        sys.exit(1)


def expect_error(what, call, code, status):
    try:
        call()
    except Exception as error:  # The SDK's own classes differ between its packages; all of them carry a code.
        expect(f"{what}: code", getattr(error, "code", repr(error)), code)
        got = getattr(error, "statusCode", None) or getattr(error, "status_code", None)
        expect(f"{what}: status", got, status)
        return
    expect(what, "no error", code)


def patiently(call):
    """Calls again what the quota refuses; the account is as strict with a fast machine as with a slow one."""
    for _ in range(60):
        try:
            return call()
        except Exception as error:
            if not str(getattr(error, "code", "")).startswith("Throttling"):
                raise
        time.sleep(0.5)
    return call()


class Account:
    def __init__(self, address, key_id, secret, token=None):
        def config():
            return Config(
                access_key_id=key_id,
                access_key_secret=secret,
                security_token=token,
                protocol="http",
                endpoint=address,
                region_id="cn-hangzhou",
            )

        self.ims = ImsClient(config())
        self.ram = RamClient(config())
        self.rm = RmClient(config())
        self.sts = StsClient(config())
        self.ecs = EcsClient(config())


def control(address, path, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"http://{address}{path}", data=data, method="POST" if data else "GET")
    with urllib.request.urlopen(request) as response:
        return json.load(response)


def by_marker(fetch, rows):
    found, marker = [], None
    while True:
        body = fetch(marker).body
        found += rows(body)
        if not body.is_truncated:
            expect("no marker behind the last page", body.marker, None)
            return found
        marker = body.marker


def check_listings(account, truth):
    for size in (7, 1000):
        users = by_marker(
            lambda marker: account.ims.list_users(
                ims_models.ListUsersRequest(max_items=size, marker=marker, status="active,freeze")
            ),
            lambda body: body.users.user,
        )
        expect("IMS users", [u.user_id for u in users], [u["user_id"] for u in truth["users"]])
    expect("display names", [u.display_name for u in users], [u["display_name"] for u in truth["users"]])
    states = [{"active": "active", "frozen": "freeze"}[u["status"]] for u in truth["users"]]
    expect("states", [u.status for u in users], states)
    active = account.ims.list_users(ims_models.ListUsersRequest()).body.users.user
    expect("only active users by default", len(active), states.count("active"))

    users = by_marker(
        lambda marker: account.ram.list_users(ram_models.ListUsersRequest(max_items=9, marker=marker)),
        lambda body: body.users.user,
    )
    expect("RAM users", [u.user_name for u in users], [u["user_name"] for u in truth["users"]])

    ims_groups = account.ims.list_groups(ims_models.ListGroupsRequest()).body.groups.group
    expect("IMS groups", [g.group_id for g in ims_groups], [g["group_id"] for g in truth["groups"]])
    ram_groups = account.ram.list_groups(ram_models.ListGroupsRequest()).body.groups.group
    expect("RAM groups", [g.group_id for g in ram_groups], [g["ram_group_id"] for g in truth["groups"]])

    members = set()
    for group in ims_groups:
        rows = by_marker(
            lambda marker: account.ims.list_users_for_group(
                ims_models.ListUsersForGroupRequest(group_name=group.group_name, max_items=3, marker=marker)
            ),
            lambda body: body.users.user,
        )
        members |= {(group.group_id, row.user_id) for row in rows}
    expect("members", members, {(m["group_id"], m["user_id"]) for m in truth["memberships"]})

    roles = account.ram.list_roles(ram_models.ListRolesRequest()).body.roles.role
    expect("roles", [r.role_id for r in roles], [r["role_id"] for r in truth["roles"]])
    for role in truth["roles"]:
        got = account.ram.get_role(ram_models.GetRoleRequest(role_name=role["role_name"])).body.role
        expect("trust policy", got.assume_role_policy_document, role["assume_role_policy_document"])
        expect("service-linked", got.is_service_linked_role, role["is_service_linked_role"])

    policies = by_marker(
        lambda marker: account.ram.list_policies(ram_models.ListPoliciesRequest(max_items=10, marker=marker)),
        lambda body: body.policies.policy,
    )
    wanted = [(p["policy_type"], p["policy_name"], p["default_version"]) for p in truth["policies"]]
    expect("policies", [(p.policy_type, p.policy_name, p.default_version) for p in policies], wanted)

    rows, number = [], 1
    while True:
        body = account.rm.list_policy_attachments(
            rm_models.ListPolicyAttachmentsRequest(page_number=number, page_size=20)
        ).body
        rows += body.policy_attachments.policy_attachment
        if len(rows) >= body.total_count:
            break
        number += 1
    expect("attachments", len(rows), len(truth["attachments"]))
    scopes = [a["resource_group_id"] or truth["account_id"] for a in truth["attachments"]]
    expect("scopes of attachments", [row.resource_group_id for row in rows], scopes)

    summary = account.ims.get_account_summary().body.summary_map
    expect("summary: users", summary.users, len(truth["users"]))
    expect("summary: groups", summary.groups, len(truth["groups"]))
    groups = account.rm.list_resource_groups(rm_models.ListResourceGroupsRequest()).body
    expect("resource groups", groups.total_count, len(truth["resource_groups"]))


def check_errors(account):
    expect_error(
        "unknown user",
        lambda: account.ram.get_user(ram_models.GetUserRequest(user_name="nobody")),
        "EntityNotExist.User",
        404,
    )
    expect_error(
        "too large a page",
        lambda: account.ims.list_groups(ims_models.ListGroupsRequest(max_items=101)),
        "InvalidParameter.MaxItems",
        400,
    )
    expect_error(
        "page number zero",
        lambda: account.rm.list_policy_attachments(rm_models.ListPolicyAttachmentsRequest(page_number=0)),
        "InvalidParameter.PageNumber",
        400,
    )
    expect_error(
        "a document that is none",
        lambda: account.ram.create_policy(
            ram_models.CreatePolicyRequest(policy_name="bad", policy_document="{}")
        ),
        "MalformedPolicyDocument",
        400,
    )


def check_user_life(account, control_address):
    alias = account.ram.get_account_alias().body.account_alias
    domain = account.ims.get_default_domain().body.default_domain_name
    expect("default domain", domain, f"{alias}.onaliyun.com")
    upn = f"python.sdk@{domain}"
    created = account.ims.create_user(
        ims_models.CreateUserRequest(
            user_principal_name=upn,
            display_name="Zoë 张 & co * ~",
            comments="a, b + c = d/e",
            tag=[ims_models.CreateUserRequestTag(key="owner", value="Zoë & co")],
        )
    ).body.user
    expect("display name survives", created.display_name, "Zoë 张 & co * ~")
    expect_error(
        "the same name again",
        lambda: account.ram.create_user(ram_models.CreateUserRequest(user_name="Python.SDK")),
        "EntityAlreadyExists.User",
        409,
    )
    group = "administrators"
    account.ims.add_user_to_group(ims_models.AddUserToGroupRequest(group_name=group, user_principal_name=upn))
    joined = account.ram.list_groups_for_user(ram_models.ListGroupsForUserRequest(user_name="python.sdk")).body
    expect("groups of the user", [g.group_name for g in joined.groups.group], [group])
    attach = dict(policy_type="System", policy_name="AdministratorAccess", user_name="python.sdk")
    account.ram.attach_policy_to_user(ram_models.AttachPolicyToUserRequest(**attach))
    expect_error(
        "attached twice",
        lambda: account.ram.attach_policy_to_user(ram_models.AttachPolicyToUserRequest(**attach)),
        "EntityAlreadyExists.User.Policy",
        409,
    )
    scope = account.rm.list_resource_groups(rm_models.ListResourceGroupsRequest()).body.resource_groups.resource_group[0].id
    account.ram.attach_policy_to_user(ram_models.AttachPolicyToUserRequest(resource_group_id=scope, **attach))
    grants = account.ram.list_policies_for_user(ram_models.ListPoliciesForUserRequest(user_name="python.sdk")).body
    expect("RAM shows the account scope only", len(grants.policies.policy), 1)
    rows = account.rm.list_policy_attachments(rm_models.ListPolicyAttachmentsRequest(principal_name=upn)).body
    expect("all scopes", rows.total_count, 2)
    expect_error(
        "a user in a group is not deleted",
        lambda: account.ims.delete_user(ims_models.DeleteUserRequest(user_principal_name=upn)),
        "DeleteConflict.User.Group",
        409,
    )

    control(control_address, "/freeze", {"user": "python.sdk"})
    frozen = account.ims.list_users(ims_models.ListUsersRequest(status="freeze")).body.users.user
    expect("frozen", [u.status for u in frozen if u.user_id == created.user_id], ["freeze"])

    renamed = account.ims.update_user(
        ims_models.UpdateUserRequest(user_principal_name=upn, new_user_principal_name=f"python.sdk.2@{domain}")
    ).body.user
    expect("a rename keeps the id", renamed.user_id, created.user_id)

    user = dict(user_name="python.sdk.2")
    account.ram.remove_user_from_group(ram_models.RemoveUserFromGroupRequest(group_name=group, **user))
    detach = dict(policy_type="System", policy_name="AdministratorAccess", **user)
    account.ram.detach_policy_from_user(ram_models.DetachPolicyFromUserRequest(**detach))
    account.ram.detach_policy_from_user(ram_models.DetachPolicyFromUserRequest(resource_group_id=scope, **detach))
    account.ram.delete_user(ram_models.DeleteUserRequest(**user))
    expect_error(
        "deleted",
        lambda: account.ims.get_user(ims_models.GetUserRequest(user_id=created.user_id)),
        "EntityNotExist.User",
        404,
    )


def check_settings(account, control_address, truth):
    before = account.ims.get_password_policy().body.password_policy
    expect("minimum length", before.minimum_password_length, truth["password_policy"]["minimum_length"])
    account.ims.set_password_policy(ims_models.SetPasswordPolicyRequest(minimum_password_length=20, hard_expire=True))
    policy = account.ims.get_password_policy().body.password_policy
    expect("password policy", (policy.minimum_password_length, policy.hard_expire), (20, True))
    expect("what was not sent stays", policy.max_password_age, before.max_password_age)
    restored = dict(minimum_password_length=before.minimum_password_length, hard_expire=before.hard_expire)
    account.ims.set_password_policy(ims_models.SetPasswordPolicyRequest(**restored))
    expect_error(
        "too short a password",
        lambda: account.ims.set_password_policy(ims_models.SetPasswordPolicyRequest(minimum_password_length=7)),
        "InvalidParameter.MinimumPasswordLength",
        400,
    )

    login = account.ims.get_security_preference().body.security_preference.login_profile_preference
    wanted = truth["security_preference"]
    expect("masks", login.login_network_masks, ";".join(wanted["login_network_masks"]))
    request = ims_models.SetSecurityPreferenceRequest(
        login_session_duration=3, mfaoperation_for_login="mandatory", verification_types=["sms"]
    )
    account.ims.set_security_preference(request)
    preference = account.ims.get_security_preference().body.security_preference
    login = preference.login_profile_preference
    expect("login", (login.login_session_duration, login.mfaoperation_for_login), (3, "mandatory"))
    expect("second factors", preference.verification_preference.verification_types, ["sms"])
    request = ims_models.SetSecurityPreferenceRequest(
        login_session_duration=wanted["login_session_duration_hours"],
        mfaoperation_for_login=wanted["mfa_operation_for_login"],
        verification_types=wanted["verification_types"],
    )
    account.ims.set_security_preference(request)

    expect("root MFA", account.ims.get_account_mfainfo().body.is_mfaenable, truth["root_mfa_enabled"])
    control(control_address, "/root-mfa", {"enabled": not truth["root_mfa_enabled"]})
    expect("root MFA", account.ims.get_account_mfainfo().body.is_mfaenable, not truth["root_mfa_enabled"])
    control(control_address, "/root-mfa", {"enabled": truth["root_mfa_enabled"]})

    domain = account.ims.get_default_domain().body.default_domain_name
    account.ims.set_default_domain(ims_models.SetDefaultDomainRequest(default_domain_name="sdk.onaliyun.com"))
    expect("the alias follows the domain", account.ram.get_account_alias().body.account_alias, "sdk")
    account.ims.set_default_domain(ims_models.SetDefaultDomainRequest(default_domain_name=domain))


def check_sign_in(account, truth):
    switched = {"active": "Active", "inactive": "Inactive"}
    domain = account.ims.get_default_domain().body.default_domain_name
    expect("there are ways to sign in", all(truth[table] for table in ("access_keys", "login_profiles", "mfa_devices")), True)
    for user in truth["users"]:
        name = dict(user_principal_name=f"{user['user_name']}@{domain}")
        of_user = lambda table: [row for row in truth[table] if row["user_id"] == user["user_id"]]
        body = account.ims.list_access_keys(ims_models.ListAccessKeysRequest(**name)).body
        listed = [(key.access_key_id, key.status) for key in body.access_keys.access_key]
        wanted = [(key["access_key_id"], switched[key["status"]]) for key in of_user("access_keys")]
        expect("access keys", listed, wanted)

        read = lambda: account.ims.get_login_profile(ims_models.GetLoginProfileRequest(**name)).body.login_profile
        for profile in of_user("login_profiles"):
            got = read()
            wanted = (switched[profile["status"]], profile["mfa_bind_required"], profile["password_reset_required"])
            expect("login profile", (got.status, got.mfabind_required, got.password_reset_required), wanted)
        if not of_user("login_profiles"):
            expect_error("no login profile", read, "EntityNotExist.User.LoginProfile", 404)

        read = lambda: account.ims.get_user_mfainfo(ims_models.GetUserMFAInfoRequest(**name)).body
        for device in of_user("mfa_devices"):
            got = read()
            shown = (got.is_mfaenable, got.mfadevice.type, got.mfadevice.serial_number)
            expect("MFA device", shown, (True, device["device_type"], device["serial_number"]))
        if not of_user("mfa_devices"):
            expect_error("no MFA device", read, "EntityNotExist.User.MFADevice", 404)

    devices = by_marker(
        lambda marker: account.ims.list_virtual_mfadevices(
            ims_models.ListVirtualMFADevicesRequest(max_items=3, marker=marker)
        ),
        lambda body: body.virtual_mfadevices.virtual_mfadevice,
    )
    wanted = [(row["serial_number"], row["user_id"]) for row in truth["mfa_devices"] if row["device_type"] == "VMFA"]
    expect("virtual MFA devices", [(device.serial_number, device.user.user_id) for device in devices], wanted)


def check_provider_life(account):
    name = dict(samlprovider_name="python-sdk")
    create = ims_models.CreateSAMLProviderRequest(encoded_samlmetadata_document="PG0vPg==", description="by it", **name)
    account.ims.create_samlprovider(create)
    listed = by_marker(
        lambda marker: account.ims.list_samlproviders(ims_models.ListSAMLProvidersRequest(max_items=1, marker=marker)),
        lambda body: body.samlproviders.samlprovider,
    )
    found = [provider for provider in listed if provider.samlprovider_name == "python-sdk"]
    expect("SAML provider", [provider.description for provider in found], ["by it"])
    update = ims_models.UpdateSAMLProviderRequest(new_encoded_samlmetadata_document="PG4vPg==", **name)
    account.ims.update_samlprovider(update)
    got = account.ims.get_samlprovider(ims_models.GetSAMLProviderRequest(**name)).body.samlprovider
    expect("metadata", (got.encoded_samlmetadata_document, got.authn_sign_algo), ("PG4vPg==", "rsa-sha1"))
    account.ims.delete_samlprovider(ims_models.DeleteSAMLProviderRequest(**name))
    expect_error(
        "deleted SAML provider",
        lambda: account.ims.get_samlprovider(ims_models.GetSAMLProviderRequest(**name)),
        "EntityNotExist.SAMLProviderError",
        404,
    )

    name = dict(oidcprovider_name="python-sdk")
    account.ims.create_oidcprovider(
        ims_models.CreateOIDCProviderRequest(
            issuer_url="https://sdk.example.com", client_ids="a,b", fingerprints="0f", issuance_limit_time=6, **name
        )
    )
    account.ims.add_client_id_to_oidcprovider(ims_models.AddClientIdToOIDCProviderRequest(client_id="c", **name))
    account.ims.remove_client_id_from_oidcprovider(
        ims_models.RemoveClientIdFromOIDCProviderRequest(client_id="a", **name)
    )
    account.ims.add_fingerprint_to_oidcprovider(
        ims_models.AddFingerprintToOIDCProviderRequest(fingerprint="0a", **name)
    )
    account.ims.remove_fingerprint_from_oidcprovider(
        ims_models.RemoveFingerprintFromOIDCProviderRequest(fingerprint="0f", **name)
    )
    account.ims.update_oidcprovider(ims_models.UpdateOIDCProviderRequest(new_description="changed", **name))
    listed = by_marker(
        lambda marker: account.ims.list_oidcproviders(ims_models.ListOIDCProvidersRequest(max_items=1, marker=marker)),
        lambda body: body.oidcproviders.oidcprovider,
    )
    found = [provider for provider in listed if provider.oidcprovider_name == "python-sdk"]
    told = [(p.client_ids, p.fingerprints, p.issuance_limit_time, p.description) for p in found]
    expect("OIDC provider", told, [("b,c", "0a", 6, "changed")])
    got = account.ims.get_oidcprovider(ims_models.GetOIDCProviderRequest(**name)).body.oidcprovider
    expect("issuer", got.issuer_url, "https://sdk.example.com")
    account.ims.delete_oidcprovider(ims_models.DeleteOIDCProviderRequest(**name))
    expect_error(
        "deleted OIDC provider",
        lambda: account.ims.get_oidcprovider(ims_models.GetOIDCProviderRequest(**name)),
        "EntityNotExist.OIDCProvider",
        404,
    )


def check_policy_life(account):
    name = dict(policy_name="python-sdk")
    account.ram.create_policy(
        ram_models.CreatePolicyRequest(policy_document=DOCUMENT, description="by the SDK", **name)
    )
    version = account.ram.create_policy_version(
        ram_models.CreatePolicyVersionRequest(policy_document=DOCUMENT_2, set_as_default=True, **name)
    ).body.policy_version
    expect("second version", (version.version_id, version.is_default_version), ("v2", True))
    got = account.ram.get_policy(ram_models.GetPolicyRequest(policy_type="Custom", policy_name="PYTHON-sdk")).body
    expect("default document", got.default_policy_version.policy_document, DOCUMENT_2)
    expect_error(
        "the default version stays",
        lambda: account.ram.delete_policy_version(ram_models.DeletePolicyVersionRequest(version_id="v2", **name)),
        "DeleteConflict.Policy.Version.Default",
        409,
    )
    account.ram.set_default_policy_version(ram_models.SetDefaultPolicyVersionRequest(version_id="v1", **name))
    account.ram.delete_policy_version(ram_models.DeletePolicyVersionRequest(version_id="v2", **name))
    versions = account.ram.list_policy_versions(
        ram_models.ListPolicyVersionsRequest(policy_type="Custom", **name)
    ).body.policy_versions.policy_version
    expect("versions left", [v.version_id for v in versions], ["v1"])
    account.ram.delete_policy(ram_models.DeletePolicyRequest(**name))


def check_role_life(account, address):
    account.ram.create_role(
        ram_models.CreateRoleRequest(role_name="PythonSdk", assume_role_policy_document=TRUST)
    )
    role = account.ram.get_role(ram_models.GetRoleRequest(role_name="PythonSdk")).body.role
    expect("the ARN is in lower case", role.arn.split("/")[1], "pythonsdk")
    account_id = account.sts.get_caller_identity().body.account_id
    issued = account.sts.assume_role(
        sts_models.AssumeRoleRequest(role_arn=role.arn, role_session_name="by-the-sdk", duration_seconds=900)
    ).body.credentials
    session = Account(address, issued.access_key_id, issued.access_key_secret, issued.security_token)
    identity = session.sts.get_caller_identity().body
    expect("identity of the session", (identity.identity_type, identity.account_id), ("AssumedRoleUser", account_id))
    expect("role of the session", identity.role_id, role.role_id)
    wrong = Account(address, issued.access_key_id, issued.access_key_secret, "CAISwrong")
    expect_error(
        "a wrong token",
        wrong.sts.get_caller_identity,
        "InvalidSecurityToken.Malformed",
        400,
    )
    account.ram.delete_role(ram_models.DeleteRoleRequest(role_name="PythonSdk"))


def check_instances(account, truth):
    regions = [region.region_id for region in account.ecs.describe_regions(ecs_models.DescribeRegionsRequest()).body.regions.region]
    expect("regions", regions, truth["regions"])
    region = regions[-1]
    made = account.ecs.run_instances(
        ecs_models.RunInstancesRequest(region_id=region, instance_name="python-sdk", amount=12)
    ).body.instance_id_sets.instance_id_set
    in_region = [row["instance_id"] for row in truth["instances"] if row["region"] == region] + made
    found, token = [], None
    while token != "":
        body = account.ecs.describe_instances(
            ecs_models.DescribeInstancesRequest(region_id=region, max_results=10, next_token=token)
        ).body
        found += body.instances.instance
        token = body.next_token
    expect("instances, in pages of ten", [instance.instance_id for instance in found], in_region)
    expect("a page of fewer than ten holds ten", len(account.ecs.describe_instances(
        ecs_models.DescribeInstancesRequest(region_id=region, max_results=1)
    ).body.instances.instance), 10)
    role = next(row["role_name"] for row in truth["roles"] if not row["is_service_linked_role"])
    one = json.dumps(made[:1])
    attached = account.ecs.attach_instance_ram_role(
        ecs_models.AttachInstanceRamRoleRequest(region_id=region, ram_role_name=role, instance_ids=one)
    ).body
    expect("attached", (attached.total_count, attached.fail_count), (1, 0))
    roles = account.ecs.describe_instance_ram_role(
        ecs_models.DescribeInstanceRamRoleRequest(region_id=region, instance_ids=json.dumps(made[:3]), page_size=50)
    ).body
    shown = {row.instance_id: row.ram_role_name for row in roles.instance_ram_role_sets.instance_ram_role_set}
    expect("roles", (roles.total_count, shown), (3, {made[0]: role, made[1]: "", made[2]: ""}))
    account.ecs.detach_instance_ram_role(
        ecs_models.DetachInstanceRamRoleRequest(region_id=region, ram_role_name=role, instance_ids=one)
    )
    expect_error(
        "an unknown region",
        lambda: account.ecs.describe_instances(ecs_models.DescribeInstancesRequest(region_id="nowhere-1")),
        "InvalidRegionId.NotFound",
        404,
    )
    account.ecs.modify_instance_attribute(
        ecs_models.ModifyInstanceAttributeRequest(instance_id=made[0], instance_name="renamed")
    )
    account.ecs.tag_resources(ecs_models.TagResourcesRequest(
        region_id=region, resource_type="instance", resource_id=made[:1],
        tag=[ecs_models.TagResourcesRequestTag(key="k", value="v")],
    ))
    account.ecs.stop_instance(ecs_models.StopInstanceRequest(instance_id=made[0]))
    [changed] = account.ecs.describe_instances(
        ecs_models.DescribeInstancesRequest(region_id=region, instance_ids=one)
    ).body.instances.instance
    expect("changed", (changed.instance_name, changed.status, [(t.tag_key, t.tag_value) for t in changed.tags.tag]),
           ("renamed", "Stopped", [("k", "v")]))
    expect("no seconds", len(changed.creation_time), len("2022-04-25T18:21Z"))
    for instance_id in made:
        request = ecs_models.DeleteInstanceRequest(instance_id=instance_id, force=True)
        patiently(lambda: account.ecs.delete_instance(request))


def check_keys(address, key_id):
    stranger = Account(address, "LTAI5tNobody", "secret")
    expect_error("an unknown key", stranger.sts.get_caller_identity, "InvalidAccessKeyId.NotFound", 404)
    forger = Account(address, key_id, "wrong")
    expect_error("a wrong secret", forger.sts.get_caller_identity, "SignatureDoesNotMatch", 400)


def main():
    address, control_address, key_id, secret = sys.argv[1:]
    account = Account(address, key_id, secret)
    truth = control(control_address, "/account")
    expect("account", account.sts.get_caller_identity().body.account_id, truth["account_id"])
    check_listings(account, truth)
    check_errors(account)
    check_user_life(account, control_address)
    check_settings(account, control_address, truth)
    check_sign_in(account, truth)
    check_provider_life(account)
    check_policy_life(account)
    check_role_life(account, address)
    check_instances(account, truth)
    check_keys(address, key_id)
    after = control(control_address, "/account")
    tables = ("users", "groups", "memberships", "roles", "policies", "attachments", "identity_providers", "instances")
    of_users = ("access_keys", "login_profiles", "mfa_devices")
    for table in tables + of_users + ("alias", "password_policy", "security_preference"):
        expect(f"{table} as before", after[table], truth[table])
    print("the official Python SDK reads and writes the simulated account")


main()
