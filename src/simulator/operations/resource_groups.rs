//! Resource groups: the scopes, other than the whole account, in which a policy can be attached.

use jiff::Timestamp;
use serde::Serialize;

use super::super::account::Account;
use super::super::entities::ResourceGroup;
use super::super::page::{self, Rows};
use super::{Answer, Call, Operation, Service, read};

pub(super) const OPERATIONS: &[Operation] =
    &[read(Service::ResourceManager, "ListResourceGroups", list).by_number(10, 100)];

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ResourceGroupRow<'a> {
    id: &'a str,
    name: &'a str,
    display_name: &'a str,
    status: &'static str,
    account_id: &'a str,
    create_date: Timestamp,
}

fn list(call: &Call<'_>, account: &Account) -> Answer {
    let wanted = |parameter: &str, value: &str| call.parameters.text(parameter).is_none_or(|text| text == value);
    let listed = |group: &&ResourceGroup| {
        wanted("ResourceGroupId", &group.id)
            && wanted("Name", &group.name)
            && wanted("DisplayName", &group.display_name)
            && wanted("Status", "OK")
    };
    let rows = Rows::Some(account.resource_groups.iter().filter(listed).collect());
    page::by_number(call, ("ResourceGroups", "ResourceGroup"), rows, |group| ResourceGroupRow {
        id: &group.id,
        name: &group.name,
        display_name: &group.display_name,
        status: "OK",
        account_id: &account.account_id,
        create_date: group.create_date,
    })
}
