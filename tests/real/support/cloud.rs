//! The simulated account of one test, changed as an administrator changes a real one: through signed requests.
//!
//! The signature is the older one (HMAC-SHA1 in the query), written here by hand: the product signs in the newer style.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicI32, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use ramstream::simulator::seed::Size;
use ramstream::simulator::throttle::Limits;
use ramstream::simulator::{self, Running, Settings};
use serde_json::{Value, json};
use sha1::Sha1;

const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
/// Before a throttled request is sent again.
const THROTTLED_PAUSE: std::time::Duration = std::time::Duration::from_millis(100);

const RAM: &str = "2015-05-01";
const IMS: &str = "2019-08-15";
const STS: &str = "2015-04-01";
const ECS: &str = "2014-05-26";
const RESOURCE_MANAGER: &str = "2020-03-31";
const ALLOW: &str = r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":"oss:*","Resource":"*"}]}"#;
const DENY: &str = r#"{"Version":"1","Statement":[{"Effect":"Deny","Action":"oss:*","Resource":"*"}]}"#;
const TRUST: &str = r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":["ecs.aliyuncs.com"]}}]}"#;

/// A small account whose pages hold some of everything.
pub(crate) fn small() -> Size {
    Size {
        users: 12,
        groups: 4,
        memberships: 15,
        roles: 4,
        custom_policies: 4,
        system_policies: 10,
        attachments: 20,
        access_keys: 0,
        login_profiles: 0,
        mfa_devices: 0,
        instances: 0,
        seed: 1,
    }
}

pub(crate) struct Cloud {
    running: Running,
    client: reqwest::Client,
    /// How far the account's clock is ahead; requests are signed by it.
    offset_seconds: AtomicI32,
}

impl Cloud {
    /// An account of its own id; the quotas do not throttle the test's own changes. What happens to it, and what is asked
    /// of it, is written to `truth_log`.
    pub(crate) async fn start(settings: Settings, truth_log: PathBuf) -> Self {
        let limits = Limits { quota_percent: None, ..Limits::default() };
        let size = Size { seed: u64::from(rand::random::<u32>()), ..settings.size };
        let offset_seconds = AtomicI32::new(settings.clock_offset_seconds);
        let running =
            simulator::start(Settings { size, limits, truth_log: Some(truth_log), ..settings }).await.unwrap();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { running, client, offset_seconds }
    }

    pub(crate) fn address(&self) -> String {
        format!("http://{}", self.running.http)
    }

    pub(crate) fn account_id(&self) -> &str {
        &self.running.account_id
    }

    /// Id and secret of the key that verifies.
    pub(crate) fn key(&self) -> (&str, &str) {
        (&self.running.access_key_id, self.running.access_key_secret.expose())
    }

    /// The account as its control address shows it.
    pub(crate) async fn account(&self) -> Value {
        self.control(reqwest::Method::GET, "account", None).await
    }

    /// A fault from now on; see `ramstream simulate --help`.
    pub(crate) async fn fault(&self, fault: Value) {
        self.control(reqwest::Method::POST, "faults", Some(fault)).await;
    }

    /// How often each fault has struck, in the order in which they were set.
    pub(crate) async fn struck(&self) -> Vec<u64> {
        let faults = self.control(reqwest::Method::GET, "faults", None).await;
        faults.as_array().unwrap().iter().map(|fault| fault["fired"].as_u64().unwrap()).collect()
    }

    /// Takes all faults away, and says how often they struck.
    pub(crate) async fn end_faults(&self) -> u64 {
        let struck = self.struck().await;
        self.control(reqwest::Method::DELETE, "faults", None).await;
        struck.iter().sum()
    }

    /// Throttles a share of the calls of every operation that the product reads by.
    pub(crate) async fn throttle_reads(&self, probability: f64) {
        let operations: BTreeSet<&str> =
            ramstream::alicloud::OPERATIONS.iter().map(|operation| operation.name).collect();
        for operation in operations {
            self.fault(json!({ "operation": operation, "fault": "throttle", "probability": probability })).await;
        }
    }

    pub(crate) async fn freeze(&self, user: &str) {
        self.control(reqwest::Method::POST, "freeze", Some(json!({ "user": user }))).await;
    }

    pub(crate) async fn unfreeze(&self, user: &str) {
        self.control(reqwest::Method::POST, "unfreeze", Some(json!({ "user": user }))).await;
    }

    /// What the root user does.
    pub(crate) async fn root_mfa(&self, is_enabled: bool) {
        self.control(reqwest::Method::POST, "root-mfa", Some(json!({ "enabled": is_enabled }))).await;
    }

    /// An operation of the account's settings or identity providers.
    pub(crate) async fn ims(&self, action: &str, parameters: &[(&str, &str)]) -> Value {
        self.call(IMS, action, parameters).await
    }

    /// Lets another trust policy stand for a role.
    pub(crate) async fn retrust_role(&self, name: &str, document: &str) {
        self.ram("UpdateRole", &[("RoleName", name), ("NewAssumeRolePolicyDocument", document)]).await;
    }

    /// A share of all calls is throttled at random: per mille, because the control's own limits know only per cent.
    pub(crate) async fn throttle(&self, per_mille: u32) {
        self.fault(json!({ "operation": "*", "fault": "throttle", "probability": f64::from(per_mille) / 1000.0 }))
            .await;
    }

    /// Lets the account's clock run ahead, so that what happens next is dated later than what happened before.
    pub(crate) async fn advance_clock(&self, offset_seconds: i32) {
        self.offset_seconds.store(offset_seconds, Ordering::Relaxed);
        self.control(reqwest::Method::POST, "clock", Some(json!({ "offset_seconds": offset_seconds }))).await;
    }

    /// From now on every call, also the test's own, is judged by this RAM policy; by none if it is null.
    pub(crate) async fn enforce(&self, policy: &Value) {
        self.control(reqwest::Method::POST, "policy", Some(policy.clone())).await;
    }

    pub(crate) async fn create_user(&self, name: &str) {
        self.ram("CreateUser", &[("UserName", name)]).await;
    }

    /// A session of a role, for an hour: id and secret of its key, and the token that goes with them. The account's own
    /// key has to be a user's.
    pub(crate) async fn assume_role(&self, name: &str) -> [String; 3] {
        let arn = format!("acs:ram::{}:role/{name}", self.account_id());
        let answer = self.call(STS, "AssumeRole", &[("RoleArn", &arn), ("RoleSessionName", "daemon")]).await;
        ["AccessKeyId", "AccessKeySecret", "SecurityToken"]
            .map(|field| answer["Credentials"][field].as_str().unwrap().to_owned())
    }

    /// Deletes a user that is in no group and has no policy, with all that the user gets in by.
    pub(crate) async fn delete_user(&self, name: &str) {
        self.take_credentials(name).await;
        self.ram("DeleteUser", &[("UserName", name)]).await;
    }

    /// Takes a user's access keys, login profile and MFA device away.
    async fn take_credentials(&self, name: &str) {
        let account = self.account().await;
        let user_id = lookup(&account, "users", ("user_name", name), "user_id");
        let is_his = |row: &&Value| row["user_id"] == user_id.as_str();
        for key in rows(&account, "access_keys").iter().filter(is_his) {
            self.delete_key(name, key["access_key_id"].as_str().unwrap()).await;
        }
        if rows(&account, "login_profiles").iter().any(|row| is_his(&row)) {
            self.forbid_sign_in(name).await;
        }
        if rows(&account, "mfa_devices").iter().any(|row| is_his(&row)) {
            self.unbind_device(name).await;
        }
    }

    /// A new access key of a user, by its id.
    pub(crate) async fn create_key(&self, user: &str) -> String {
        let created = self.ram("CreateAccessKey", &[("UserName", user)]).await;
        created["AccessKey"]["AccessKeyId"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn switch_key(&self, user: &str, key: &str, status: &str) {
        self.ram("UpdateAccessKey", &[("UserName", user), ("UserAccessKeyId", key), ("Status", status)]).await;
    }

    pub(crate) async fn delete_key(&self, user: &str, key: &str) {
        self.ram("DeleteAccessKey", &[("UserName", user), ("UserAccessKeyId", key)]).await;
    }

    pub(crate) async fn allow_sign_in(&self, user: &str) {
        self.ram("CreateLoginProfile", &[("UserName", user), ("Password", "correct horse battery")]).await;
    }

    /// Switches a user's sign-in by password on or off.
    pub(crate) async fn switch_sign_in(&self, user: &str, status: &str) {
        let domain = self.ims("GetDefaultDomain", &[]).await["DefaultDomainName"].as_str().unwrap().to_owned();
        let whom = format!("{user}@{domain}");
        self.ims("UpdateLoginProfile", &[("UserPrincipalName", &whom), ("Status", status)]).await;
    }

    pub(crate) async fn require_mfa(&self, user: &str) {
        self.ram("UpdateLoginProfile", &[("UserName", user), ("MFABindRequired", "true")]).await;
    }

    pub(crate) async fn forbid_sign_in(&self, user: &str) {
        self.ram("DeleteLoginProfile", &[("UserName", user)]).await;
    }

    /// Binds a new virtual device to a user; its serial number.
    pub(crate) async fn bind_device(&self, user: &str, device: &str) -> String {
        self.ram("CreateVirtualMFADevice", &[("VirtualMFADeviceName", device)]).await;
        let serial = format!("acs:ram::{}:mfa/{device}", self.account_id());
        self.rebind_device(user, &serial).await;
        serial
    }

    /// Binds a virtual device that is there.
    pub(crate) async fn rebind_device(&self, user: &str, serial: &str) {
        let codes = [("AuthenticationCode1", "123456"), ("AuthenticationCode2", "654321")];
        let parameters = [("UserName", user), ("SerialNumber", serial), codes[0], codes[1]];
        self.ram("BindMFADevice", &parameters).await;
    }

    pub(crate) async fn unbind_device(&self, user: &str) {
        self.ram("UnbindMFADevice", &[("UserName", user)]).await;
    }

    /// What no public operation does.
    pub(crate) async fn bind_security_key(&self, user: &str) {
        self.control(reqwest::Method::POST, "security-key", Some(json!({ "user": user }))).await;
    }

    pub(crate) async fn rename_user(&self, name: &str, new: &str) {
        self.ram("UpdateUser", &[("UserName", name), ("NewUserName", new)]).await;
    }

    pub(crate) async fn create_group(&self, name: &str) {
        self.ram("CreateGroup", &[("GroupName", name)]).await;
    }

    pub(crate) async fn delete_group(&self, name: &str) {
        self.ram("DeleteGroup", &[("GroupName", name)]).await;
    }

    pub(crate) async fn join(&self, user: &str, group: &str) {
        self.ram("AddUserToGroup", &[("UserName", user), ("GroupName", group)]).await;
    }

    pub(crate) async fn leave(&self, user: &str, group: &str) {
        self.ram("RemoveUserFromGroup", &[("UserName", user), ("GroupName", group)]).await;
    }

    pub(crate) async fn create_role(&self, name: &str) {
        self.ram("CreateRole", &[("RoleName", name), ("AssumeRolePolicyDocument", TRUST)]).await;
    }

    pub(crate) async fn delete_role(&self, name: &str) {
        self.ram("DeleteRole", &[("RoleName", name)]).await;
    }

    pub(crate) async fn create_policy(&self, name: &str) {
        self.ram("CreatePolicy", &[("PolicyName", name), ("PolicyDocument", ALLOW)]).await;
    }

    /// Deletes a custom policy that is attached to nobody.
    pub(crate) async fn delete_policy(&self, name: &str) {
        self.ram("DeletePolicy", &[("PolicyName", name)]).await;
    }

    /// A new version of a custom policy, in force at once; the oldest goes if there are too many.
    pub(crate) async fn revise_policy(&self, name: &str) {
        let parameters = [
            ("PolicyName", name),
            ("PolicyDocument", DENY),
            ("SetAsDefault", "true"),
            ("RotateStrategy", "DeleteOldestNonDefaultVersionWhenLimitExceeded"),
        ];
        self.ram("CreatePolicyVersion", &parameters).await;
    }

    /// Attaches a custom or system policy to a user in the whole account.
    pub(crate) async fn attach(&self, policy_type: &str, policy: &str, user: &str) {
        let parameters = [("PolicyType", policy_type), ("PolicyName", policy), ("UserName", user)];
        self.ram("AttachPolicyToUser", &parameters).await;
    }

    /// Detaches what a row of the account file says, in its own scope.
    pub(crate) async fn detach_row(&self, account: &Value, row: &Value) {
        let (principal_type, principal) = principal(account, row);
        let parameters = [
            ("PolicyType", row["policy_type"].as_str().unwrap()),
            ("PolicyName", row["policy_name"].as_str().unwrap()),
            ("PrincipalType", principal_type),
            ("PrincipalName", &principal),
            ("ResourceGroupId", row["resource_group_id"].as_str().unwrap_or(self.account_id())),
        ];
        self.call(RESOURCE_MANAGER, "DetachPolicy", &parameters).await;
    }

    pub(crate) async fn detach(&self, policy_type: &str, policy: &str, user: &str) {
        let parameters = [("PolicyType", policy_type), ("PolicyName", policy), ("UserName", user)];
        self.ram("DetachPolicyFromUser", &parameters).await;
    }

    /// Makes an instance in this region; its id.
    pub(crate) async fn run_instance(&self, region: &str, name: &str, role: Option<&str>) -> String {
        let mut parameters = vec![("RegionId", region), ("InstanceName", name)];
        parameters.extend(role.map(|role| ("RamRoleName", role)));
        let made = self.call(ECS, "RunInstances", &parameters).await;
        made["InstanceIdSets"]["InstanceIdSet"][0].as_str().unwrap().to_owned()
    }

    /// Any other operation on one instance: its parameters beside region and id.
    pub(crate) async fn instance(&self, action: &str, (region, id): (&str, &str), more: &[(&str, &str)]) {
        let ids = json!([id]).to_string();
        let named = [("RegionId", region), ("InstanceId", id), ("InstanceIds", ids.as_str())];
        let parameters: Vec<(&str, &str)> = named.into_iter().chain(more.iter().copied()).collect();
        self.call(ECS, action, &parameters).await;
    }

    /// Sets fields of a row of the account file: what the services could show, and no public operation does.
    pub(crate) async fn edit(&self, table: &str, id: &str, set: Value) {
        self.control(reqwest::Method::POST, "edit", Some(json!({ "table": table, "id": id, "set": set }))).await;
    }

    /// Makes an instance anew under its id.
    pub(crate) async fn recreate_instance(&self, id: &str) {
        self.control(reqwest::Method::POST, "recreate", Some(json!({ "instance": id }))).await;
    }

    /// The regions that the account can use from now on.
    pub(crate) async fn set_regions(&self, regions: &[&str]) {
        self.control(reqwest::Method::POST, "regions", Some(json!({ "regions": regions }))).await;
    }

    /// An operation of RAM.
    pub(crate) async fn ram(&self, action: &str, parameters: &[(&str, &str)]) -> Value {
        self.call(RAM, action, parameters).await
    }

    /// Asks until it is not throttled; anything else that is refused is a mistake of the test.
    async fn call(&self, version: &str, action: &str, parameters: &[(&str, &str)]) -> Value {
        loop {
            let (status, body) = self.ask(version, action, parameters).await;
            if status.is_success() {
                return serde_json::from_str(&body).unwrap();
            }
            assert!(body.contains("Throttling"), "{action} {parameters:?}: {status} {body}");
            tokio::time::sleep(THROTTLED_PAUSE).await;
        }
    }

    async fn ask(&self, version: &str, action: &str, parameters: &[(&str, &str)]) -> (reqwest::StatusCode, String) {
        let (key_id, secret) = self.key();
        let now = self.now();
        let nonce = uuid::Uuid::new_v4().to_string();
        let common = [
            ("Action", action),
            ("Version", version),
            ("Format", "JSON"),
            ("AccessKeyId", key_id),
            ("SignatureMethod", "HMAC-SHA1"),
            ("SignatureVersion", "1.0"),
            ("SignatureNonce", &nonce),
            ("Timestamp", &now),
        ];
        let all: BTreeMap<&str, &str> = common.into_iter().chain(parameters.iter().copied()).collect();
        let query = all.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect::<Vec<_>>().join("&");
        let mut mac = Hmac::<Sha1>::new_from_slice(format!("{secret}&").as_bytes()).unwrap();
        mac.update(format!("GET&%2F&{}", encode(&query)).as_bytes());
        let signature = encode(&BASE64.encode(mac.finalize().into_bytes()));
        let url = format!("{}/?{query}&Signature={signature}", self.address());
        let answer = self.client.get(url).send().await.unwrap();
        (answer.status(), answer.text().await.unwrap())
    }

    /// The service's time, in whole seconds as its dates are.
    pub(crate) fn now(&self) -> String {
        let now = jiff::Timestamp::now().as_second() + i64::from(self.offset_seconds.load(Ordering::Relaxed));
        jiff::Timestamp::from_second(now).unwrap().strftime("%FT%TZ").to_string()
    }

    async fn control(&self, method: reqwest::Method, path: &str, body: Option<Value>) -> Value {
        let request = self.client.request(method, format!("http://{}/{path}", self.running.control));
        let request = request.body(body.map(|body| body.to_string()).unwrap_or_default());
        let answer = request.send().await.unwrap();
        let (status, body) = (answer.status(), answer.text().await.unwrap());
        assert!(status.is_success(), "{path}: {status} {body}");
        serde_json::from_str(&body).unwrap()
    }
}

/// Rows of a table of the account file.
pub(crate) fn rows<'a>(account: &'a Value, table: &str) -> &'a [Value] {
    account[table].as_array().unwrap()
}

/// A text field of every row of a table.
pub(crate) fn names(account: &Value, table: &str, field: &str) -> Vec<String> {
    rows(account, table).iter().map(|row| row[field].as_str().unwrap().to_owned()).collect()
}

/// The field `wanted` of the row whose `field` is `value`.
pub(crate) fn lookup(account: &Value, table: &str, (field, value): (&str, &str), wanted: &str) -> String {
    let row = rows(account, table).iter().find(|row| row[field] == value);
    row.unwrap_or_else(|| panic!("{table} has no {field} {value}"))[wanted].as_str().unwrap().to_owned()
}

/// ResourceManager's words for the principal of an attachment.
fn principal(account: &Value, row: &Value) -> (&'static str, String) {
    let id = row["principal_id"].as_str().unwrap();
    let alias = account["alias"].as_str().unwrap();
    match row["principal_type"].as_str().unwrap() {
        "user" => {
            let name = lookup(account, "users", ("user_id", id), "user_name");
            ("IMSUser", format!("{name}@{alias}.onaliyun.com"))
        }
        "group" => {
            let name = lookup(account, "groups", ("group_id", id), "group_name");
            ("IMSGroup", format!("{name}@group.{alias}.onaliyun.com"))
        }
        _ => {
            let name = lookup(account, "roles", ("role_id", id), "role_name");
            ("ServiceRole", format!("{name}@role.{alias}.onaliyunservice.com"))
        }
    }
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}
