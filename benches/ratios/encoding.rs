//! Encoding events: stored JSON to framed Avro, against apache-avro's own `write_ser` of plain structs that hold
//! the same values already. Both reuse their writers, make a new buffer per event, and must give the same bytes.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, ensure};
use apache_avro::{Schema, writer::datum::GenericDatumWriter};
use ramstream::{
    avro::Encoder,
    diff::{Change, Op, Span, compare},
    event::{Batch, Envelope},
    model::{
        Entity, Kind, Millis, Names, TrustedPrincipal, Verb, access_key::AccessKey, account::Account, group::Group,
        identity_provider::IdentityProvider, instance::Instance, login_profile::LoginProfile, membership::Membership,
        mfa_device::MfaDevice, password_policy::PasswordPolicy, policy::Policy, policy_attachment::PolicyAttachment,
        role::Role, security_preference::SecurityPreference, user::User,
    },
    state::State,
};
use serde::Serialize;
use uuid::Uuid;

use crate::{
    account::{self, Size},
    measure::{Pairs, cpu_time_of},
    table::{Figure, Goal},
};

const ROUNDS: usize = 31;
const SCHEMA_ID: u32 = 7;

pub(crate) fn measure() -> anyhow::Result<Figure> {
    let changes = changes();
    let names = names(&changes);
    let batch = batch(changes.len());
    let encoder = Encoder::new(|_| SCHEMA_ID, SCHEMA_ID)?;
    let envelopes: Vec<_> = changes.iter().enumerate().map(|(n, change)| Envelope::new(&batch, n, change)).collect();
    let ours = || envelopes.iter().map(|envelope| encoder.event(envelope, &names)).collect::<Result<Vec<_>, _>>();

    let schemas = Kind::ALL.iter().map(|kind| Ok((*kind, Schema::parse_str(kind.schema())?)));
    let schemas: BTreeMap<Kind, Schema> = schemas.collect::<anyhow::Result<_>>()?;
    let writers = schemas.iter().map(|(kind, schema)| Ok((*kind, GenericDatumWriter::builder(schema).build()?)));
    let writers: BTreeMap<Kind, GenericDatumWriter<'_>> = writers.collect::<anyhow::Result<_>>()?;
    let plain: Vec<(Kind, Plain)> =
        envelopes.iter().map(|envelope| plain(envelope, &names)).collect::<anyhow::Result<_>>()?;
    let theirs = || plain.iter().map(|(kind, event)| event.write(&writers[kind])).collect::<anyhow::Result<Vec<_>>>();

    ensure!(ours()? == theirs()?, "the two ways of encoding give different bytes");
    let mut pairs = Pairs::default();
    for _ in 0..ROUNDS {
        let (encoded, ours) = cpu_time_of(ours);
        drop(encoded?);
        let (written, theirs) = cpu_time_of(theirs);
        drop(written?);
        pairs.push(ours, theirs);
    }
    let (our_time, their_time) = pairs.medians();
    let each = |time: std::time::Duration| time.as_nanos() / changes.len() as u128;
    let kinds: BTreeSet<Kind> = changes.iter().map(|change| change.kind).collect();
    Ok(Figure {
        name: "encoding events, against apache-avro's write_ser of plain structs",
        measured: pairs.ratio(),
        unit: " x",
        goal: Goal::AtMost(1.3),
        detail: format!(
            "{} against {} ns of processor time per event, {} events of {} kinds",
            each(our_time),
            each(their_time),
            changes.len(),
            kinds.len()
        ),
    })
}

fn batch(size: usize) -> Batch {
    Batch {
        lineage: Uuid::from_u128(1),
        account_id: account::ID.to_owned(),
        account_name: Some("production".to_owned()),
        sync_id: Uuid::from_u128(2),
        sequence: 4711,
        size,
    }
}

/// Changes of every kind of which there are many: a quarter each new, changed, gone and observed.
fn changes() -> Vec<Change> {
    let mut changes = compare(&State::new(account::ID), &account::collections(&Size::MIXED)).changes;
    for (n, change) in changes.iter_mut().enumerate() {
        let span = Span { from: Some(Millis(1_760_000_000_000)), to: Millis(1_760_000_300_000) };
        match n % 4 {
            0 => *change = Change { op: Op::Created, verb: Verb::Added, span, ..change.clone() },
            1 => {
                let (changed_fields, before) = (vec!["comments"], change.after.clone());
                let (op, verb, previous_revision) = (Op::Updated, Verb::Updated, Some(17));
                *change = Change { op, verb, changed_fields, before, previous_revision, span, ..change.clone() };
            }
            2 => {
                let (op, verb, before) = (Op::Removed, Verb::Removed, change.after.take());
                *change = Change { op, verb, before, previous_revision: Some(17), span, ..change.clone() };
            }
            _ => {}
        }
    }
    changes
}

fn names(changes: &[Change]) -> Names {
    let name = |change: &Change| {
        let json = change.after.as_deref().or(change.before.as_deref())?;
        Some((change.key.clone(), change.kind.name_in(json)?))
    };
    changes.iter().filter_map(name).collect()
}

/// An event as somebody would write it down who has nothing but the schema.
macro_rules! plain_events {
    ($($name:ident($entity:ident) { $($label:ident: $type:ty),* } $({ $($meaning:ident),* })?)*) => {
        enum Plain { $($entity(Box<$name>),)* }

        impl Plain {
            /// With the framing that every event has.
            fn write(&self, writer: &GenericDatumWriter<'_>) -> anyhow::Result<Vec<u8>> {
                let mut bytes = Vec::with_capacity(512);
                bytes.push(0);
                bytes.extend_from_slice(&SCHEMA_ID.to_be_bytes());
                match self { $(Self::$entity(event) => writer.write_ser(&mut bytes, event)?,)* };
                Ok(bytes)
            }
        }

        $(
            #[derive(Serialize)]
            struct $name {
                event_id: String, event_type: String, op: String, cause: Option<String>, lineage: String,
                model_version: String, account_id: String, account_name: Option<String>, sync_id: String, sequence: i64,
                batch_index: i32, batch_size: i32, revision: i64, previous_revision: Option<i64>, observed_at: i64,
                previously_observed_at: Option<i64>, replay_id: Option<String>, changed_fields: Vec<String>,
                $($label: $type,)*
                before: Option<$entity>, after: Option<$entity>,
                $($($meaning: Option<Vec<TrustedPrincipal>>,)*)?
            }

            impl $name {
                fn new(envelope: &Envelope<'_>, names: &Names) -> anyhow::Result<Self> {
                    let Envelope { change, batch, .. } = envelope;
                    let read = |json: &Option<_>| json.as_deref().map(serde_json::from_str::<$entity>).transpose();
                    let (before, after) = (read(&change.before)?, read(&change.after)?);
                    let entity = after.as_ref().or(before.as_ref()).context("a change of nothing")?;
                    let is_observed = change.op == Op::Observed;
                    let told = |entity| if is_observed { None } else { entity };
                    let mut meaning = $entity::meaning(told(before.as_ref()), told(after.as_ref())).into_iter();
                    let mut labels = entity.labels(&change.key, names).into_iter();
                    // Some kinds have neither.
                    let _ = &mut meaning;
                    let _ = &mut labels;
                    Ok(Self {
                        event_id: envelope.event_id.to_string(),
                        event_type: envelope.event_type.as_str().to_owned(),
                        op: change.op.as_str().to_owned(),
                        cause: envelope.cause().map(str::to_owned),
                        lineage: batch.lineage.to_string(),
                        model_version: change.kind.model_version().to_owned(),
                        account_id: batch.account_id.clone(),
                        account_name: batch.account_name.clone(),
                        sync_id: batch.sync_id.to_string(),
                        sequence: batch.sequence,
                        batch_index: i32::try_from(envelope.batch_index)?,
                        batch_size: i32::try_from(batch.size)?,
                        revision: batch.sequence,
                        previous_revision: change.previous_revision,
                        observed_at: change.span.to.0,
                        previously_observed_at: change.span.from.map(|from| from.0),
                        replay_id: None,
                        changed_fields: change.changed_fields.iter().map(ToString::to_string).collect(),
                        $($label: <$type as Label>::of(labels.next().and_then(|(_, label)| label).map(Into::into)),)*
                        $($($meaning: meaning.next().and_then(|(_, principals)| principals),)*)?
                        before, after,
                    })
                }
            }
        )*

        fn plain(envelope: &Envelope<'_>, names: &Names) -> anyhow::Result<(Kind, Plain)> {
            let kind = envelope.change.kind;
            let plain = match kind { $(Kind::$entity => Plain::$entity(Box::new($name::new(envelope, names)?)),)* };
            Ok((kind, plain))
        }
    };
}

plain_events! {
    AccountEvent(Account) { alias: Option<String> }
    UserEvent(User) { user_id: String, user_name: String }
    GroupEvent(Group) { group_id: String, group_name: String }
    RoleEvent(Role) { role_id: String, role_name: String } { trust_added, trust_removed }
    PolicyEvent(Policy) { policy_type: String, policy_name: String }
    PasswordPolicyEvent(PasswordPolicy) {}
    SecurityPreferenceEvent(SecurityPreference) {}
    IdentityProviderEvent(IdentityProvider) { provider_type: String, provider_name: String, arn: String }
    InstanceEvent(Instance) { region: String, instance_id: String, instance_name: Option<String> }
    AccessKeyEvent(AccessKey) { access_key_id: String, user_id: String, user_name: Option<String> }
    LoginProfileEvent(LoginProfile) { user_id: String, user_name: Option<String> }
    MfaDeviceEvent(MfaDevice) {
        user_id: String, device_type: String, serial_number: Option<String>, user_name: Option<String>
    }
    MembershipEvent(Membership) { group_id: String, user_id: String, group_name: Option<String>, user_name: Option<String> }
    PolicyAttachmentEvent(PolicyAttachment) {
        policy_type: String, policy_name: String, principal_type: String, principal_id: String, scope: String,
        principal_name: Option<String>
    }
}

/// An id or name at the top level of an event: always there, or not.
trait Label {
    fn of(label: Option<String>) -> Self;
}

impl Label for String {
    fn of(label: Option<String>) -> Self {
        label.unwrap_or_default()
    }
}

impl Label for Option<String> {
    fn of(label: Option<String>) -> Self {
        label
    }
}
