//! Avro encoding: change events and sync records as bytes in Confluent framing.
//!
//! The schemas are those of `schemas/*.avsc`, word for word; their ids are resolved by whoever
//! talks to the registry and handed in. It does not know topics.

mod compatible;
pub mod container;
mod datum;

use std::{collections::BTreeMap, sync::LazyLock};

use apache_avro::{
    Schema,
    reader::datum::GenericDatumReader,
    schema::{NamesRef, ResolvedSchema},
    types::Value,
};
use serde::{Serialize, Serializer, ser::SerializeStruct};

use crate::{
    diff::{Change, Op},
    event::{Envelope, Notice},
    framing::{Whole, unframed},
    model::{Entity, ForKind, Key, Kind, Labels, Millis, Names, TrustedPrincipal},
};

pub use compatible::why_not_compatible;
use datum::Datum;
pub use datum::Mismatch;

/// The schema of the `.syncs` topic, as registered.
pub const SYNCS_SCHEMA: &str = include_str!("../../schemas/syncs.avsc");

static SCHEMAS: LazyLock<BTreeMap<Kind, Schema>> = LazyLock::new(|| {
    let parsed = Kind::ALL.iter().map(|kind| (*kind, Schema::parse_str(kind.schema())));
    parsed.map(|(kind, schema)| (kind, schema.expect("a test parses every schema"))).collect()
});
/// The fields of a sync record up to its sequence.
static NOTICE_HEAD: LazyLock<Schema> = LazyLock::new(|| {
    let mut schema: serde_json::Value = serde_json::from_str(SYNCS_SCHEMA).expect("a test parses every schema");
    let fields = schema["fields"].as_array_mut().expect("a record has fields");
    let last = fields.iter().position(|field| field["name"] == "outcome").expect("a sync record has an outcome");
    fields.truncate(last + 1);
    Schema::parse(&schema).expect("it stands by itself")
});
static SYNCS: LazyLock<Schema> = LazyLock::new(|| Schema::parse_str(SYNCS_SCHEMA).expect("a test parses every schema"));

/// What cannot be encoded. It is a fault of this program, not of the input: a test encodes every kind.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// The stored JSON of an entity does not fit its kind.
    #[error("the entity {key} cannot be read back from its stored JSON")]
    Stored {
        /// Its key.
        key: String,
        /// What does not fit.
        #[source]
        source: serde_json::Error,
    },
    /// The value does not fit its schema.
    #[error("a record does not fit its Avro schema")]
    Record(#[from] Mismatch),
    /// A schema names what it does not define.
    #[error("an Avro schema cannot be resolved")]
    Schema(#[source] Box<apache_avro::Error>),
    /// A block of a container file cannot be made.
    #[error("an event cannot be put into an Avro file")]
    Container(#[source] Box<apache_avro::Error>),
    /// An event does not come out as it went in.
    #[error("an event cannot be read back")]
    ReadBack(#[source] Box<apache_avro::Error>),
    /// An event has no JSON.
    #[error("an event cannot be written as JSON")]
    Json(#[from] serde_json::Error),
}

impl EncodeError {
    fn container(error: apache_avro::Error) -> Self {
        Self::Container(Box::new(error))
    }
}

/// Encodes everything of one account, with schema ids that a registry gave.
pub struct Encoder {
    kinds: BTreeMap<Kind, Writer>,
    syncs: Writer,
}

struct Writer {
    schema_id: u32,
    schema: &'static Schema,
    named: NamesRef<'static>,
}

impl Encoder {
    /// An encoder that frames each kind's events and the sync records with these schema ids.
    ///
    /// # Errors
    /// A schema cannot be resolved.
    pub fn new(id_of: impl Fn(Kind) -> u32, syncs_id: u32) -> Result<Self, EncodeError> {
        let kinds = SCHEMAS.iter().map(|(kind, schema)| Ok((*kind, Writer::new(id_of(*kind), schema)?)));
        Ok(Self { kinds: kinds.collect::<Result<_, EncodeError>>()?, syncs: Writer::new(syncs_id, &SYNCS)? })
    }

    /// The value of an event; `names` are those of the entities in the state.
    ///
    /// # Errors
    /// The change does not fit its kind or its schema.
    pub fn event(&self, envelope: &Envelope<'_>, names: &Names) -> Result<Vec<u8>, EncodeError> {
        struct Encode<'a>(&'a Writer, &'a Envelope<'a>, &'a Names);
        impl ForKind for Encode<'_> {
            type Output = Result<Vec<u8>, EncodeError>;
            fn with<E: Entity>(self) -> Self::Output {
                let sides = Sides::<E>::of(self.1.change)?;
                self.0.encode(&Event::new(self.1, &sides, self.2))
            }
        }
        let kind = envelope.change.kind;
        kind.with(Encode(&self.kinds[&kind], envelope, names))
    }

    /// The same event as a consumer decodes it.
    ///
    /// # Errors
    /// As [`event`](Self::event), or it cannot be read back.
    pub fn event_as_read(&self, envelope: &Envelope<'_>, names: &Names) -> Result<Value, EncodeError> {
        let framed = self.event(envelope, names)?;
        let datum = unframed(&framed).map(|(_, datum)| datum).unwrap_or_default();
        let schema = self.kinds[&envelope.change.kind].schema;
        let reader = GenericDatumReader::builder(schema).build();
        let value = reader.and_then(|reader| reader.read_value(&mut Whole(datum)));
        value.map_err(|error| EncodeError::ReadBack(Box::new(error)))
    }

    /// The value of a sync record.
    ///
    /// # Errors
    /// The record does not fit its schema.
    pub fn notice(&self, notice: &Notice) -> Result<Vec<u8>, EncodeError> {
        self.syncs.encode(notice)
    }
}

/// What a sync record says about the state that it was written with.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct NoticeHead {
    /// `sync.completed`, `lineage.started` and so on.
    pub notice_type: String,
    /// UUID of the state's history.
    pub lineage: String,
    /// Number of the sync.
    pub sequence: i64,
    /// The reading of the cloud.
    pub sync_id: Option<String>,
    /// When it began, Unix milliseconds.
    pub started_at: Option<Millis>,
    /// When its reading ended, Unix milliseconds.
    pub finished_at: Option<Millis>,
    /// `complete`, `partial` or `failed`.
    pub outcome: Option<String>,
}

/// Reads the head of a framed sync record. Newer versions append fields at the end only, so what is
/// read here stands where it always stood; the rest is not looked at.
///
/// # Errors
/// The bytes are no sync record.
pub fn read_notice(framed: &[u8]) -> Result<NoticeHead, DecodeError> {
    let (_, datum) = unframed(framed).ok_or(DecodeError::Framing)?;
    let reader = GenericDatumReader::builder(&NOTICE_HEAD).build().map_err(DecodeError::schema)?;
    let Value::Record(fields) = reader.read_value(&mut Whole(datum)).map_err(DecodeError::schema)? else {
        return Err(DecodeError::Framing);
    };
    let get = |name: &str| fields.iter().find(|(field, _)| field == name).map(|(_, value)| value);
    let text = |name: &str| match get(name) {
        Some(Value::String(text)) => Some(text.clone()),
        Some(Value::Union(_, value)) => {
            if let Value::String(text) = &**value {
                Some(text.clone())
            } else {
                None
            }
        }
        _ => None,
    };
    let moment = |name: &str| match get(name) {
        Some(Value::Union(_, value)) => {
            if let Value::TimestampMillis(millis) = **value {
                Some(Millis(millis))
            } else {
                None
            }
        }
        _ => None,
    };
    match (text("notice_type"), text("lineage"), get("sequence")) {
        (Some(notice_type), Some(lineage), Some(Value::Long(sequence))) => Ok(NoticeHead {
            notice_type,
            lineage,
            sequence: *sequence,
            sync_id: text("sync_id"),
            started_at: moment("started_at"),
            finished_at: moment("finished_at"),
            outcome: text("outcome"),
        }),
        _ => Err(DecodeError::Framing),
    }
}

/// Why bytes are no sync record.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// Not in Confluent framing.
    #[error("a record of the syncs topic is not a framed Avro record; only ramstream may write this topic")]
    Framing,
    /// Not what the schema says.
    #[error("a record of the syncs topic does not fit its Avro schema")]
    Schema(#[source] Box<apache_avro::Error>),
}

impl DecodeError {
    fn schema(error: apache_avro::Error) -> Self {
        Self::Schema(Box::new(error))
    }
}

impl Writer {
    fn new(schema_id: u32, schema: &'static Schema) -> Result<Self, EncodeError> {
        let resolved = ResolvedSchema::new(schema).map_err(|error| EncodeError::Schema(Box::new(error)))?;
        Ok(Self { schema_id, schema, named: resolved.get_names().clone() })
    }

    /// Confluent framing: a zero byte, the schema id in four bytes big-endian, the Avro datum.
    fn encode<T: Serialize>(&self, value: &T) -> Result<Vec<u8>, EncodeError> {
        let mut bytes = Vec::with_capacity(512);
        bytes.push(0);
        bytes.extend_from_slice(&self.schema_id.to_be_bytes());
        value.serialize(Datum { out: &mut bytes, schema: self.schema, named: &self.named })?;
        Ok(bytes)
    }
}

/// What a change is of: the entity before and after it.
struct Sides<E> {
    before: Option<E>,
    after: Option<E>,
}

impl<E: Entity> Sides<E> {
    fn of(change: &Change) -> Result<Self, EncodeError> {
        let Change { key, before, after, .. } = change;
        Ok(Self { before: read(key, before.as_deref())?, after: read(key, after.as_deref())? })
    }
}

/// A whole event of one kind: envelope, ids and names, before, after, and what the change means.
struct Event<'a, E> {
    envelope: &'a Envelope<'a>,
    labels: Labels<'a>,
    sides: &'a Sides<E>,
    meaning: Vec<(&'static str, Option<Vec<TrustedPrincipal>>)>,
}

impl<'a, E: Entity> Event<'a, E> {
    fn new(envelope: &'a Envelope<'a>, sides: &'a Sides<E>, names: &'a Names) -> Self {
        let Change { key, op, .. } = envelope.change;
        let (before, after) = (sides.before.as_ref(), sides.after.as_ref());
        let labels = after.or(before).map(|entity| entity.labels(key, names)).unwrap_or_default();
        let meaning = match op {
            Op::Observed => E::meaning(None, None),
            Op::Created | Op::Updated | Op::Removed => E::meaning(before, after),
        };
        Self { envelope, labels, sides, meaning }
    }
}

fn read<E: Entity>(key: &Key, json: Option<&str>) -> Result<Option<E>, EncodeError> {
    let read = json.map(serde_json::from_str).transpose();
    read.map_err(|source| EncodeError::Stored { key: key.to_string(), source })
}

impl<E: Entity> Serialize for Event<'_, E> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut record = serializer.serialize_struct("Event", 20 + self.labels.len() + self.meaning.len())?;
        serialize_envelope(self.envelope, &mut record)?;
        for (name, value) in &self.labels {
            match value {
                Some(value) => record.serialize_field(name, value)?,
                None => record.serialize_field(name, &None::<&str>)?,
            }
        }
        record.serialize_field("before", &self.sides.before)?;
        record.serialize_field("after", &self.sides.after)?;
        for (name, principals) in &self.meaning {
            record.serialize_field(name, principals)?;
        }
        record.end()
    }
}

fn serialize_envelope<S: SerializeStruct>(envelope: &Envelope<'_>, record: &mut S) -> Result<(), S::Error> {
    let Envelope { event_id, event_type, change, batch, batch_index, revision, replay_id } = envelope;
    let int = |number: usize| i32::try_from(number).unwrap_or(i32::MAX);
    record.serialize_field("event_id", &Text(event_id))?;
    record.serialize_field("event_type", event_type.as_str())?;
    record.serialize_field("op", change.op.as_str())?;
    record.serialize_field("cause", &envelope.cause())?;
    record.serialize_field("lineage", &Text(&batch.lineage))?;
    record.serialize_field("model_version", change.model_version())?;
    record.serialize_field("account_id", &batch.account_id)?;
    record.serialize_field("account_name", &batch.account_name)?;
    record.serialize_field("sync_id", &Text(&batch.sync_id))?;
    record.serialize_field("sequence", &batch.sequence)?;
    record.serialize_field("batch_index", &int(*batch_index))?;
    record.serialize_field("batch_size", &int(batch.size))?;
    record.serialize_field("revision", revision)?;
    record.serialize_field("previous_revision", &change.previous_revision)?;
    record.serialize_field("observed_at", &change.span.to)?;
    record.serialize_field("previously_observed_at", &change.span.from)?;
    record.serialize_field("replay_id", replay_id)?;
    record.serialize_field("changed_fields", &change.changed_fields)
}

/// A UUID as the text that other languages read.
struct Text<'a>(&'a uuid::Uuid);

impl Serialize for Text<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.hyphenated().encode_lower(&mut uuid::Uuid::encode_buffer()))
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use apache_avro::writer::datum::GenericDatumWriter;

    use super::*;
    use crate::{
        diff::Span,
        event::{Batch, CollectionStatus, NoticeType},
        model::{Millis, Verb},
    };

    const ACCOUNT: &str = "5481000000000001";

    fn encoder() -> Encoder {
        Encoder::new(|_| 258, 7).unwrap()
    }

    fn batch() -> Batch {
        Batch {
            lineage: Uuid::nil(),
            account_id: ACCOUNT.into(),
            account_name: Some("prod".into()),
            sync_id: Uuid::max(),
            sequence: 3,
            size: 2,
        }
    }

    fn sample(kind: Kind) -> &'static str {
        match kind {
            Kind::Account => r#"{"alias":"example","root_mfa_enabled":true,"default_domain":"example.onaliyun.com"}"#,
            Kind::User => {
                r#"{"user_id":"1","user_name":"a","user_principal_name":"a@x","display_name":"Zoë","comments":null,"email":null,"mobile_phone":null,"status":"active","provision_type":null,"tags":[{"key":"k","value":""}],"create_date":5,"update_date":null}"#
            }
            Kind::Group => {
                r#"{"group_id":"1","group_name":"g","display_name":null,"comments":null,"create_date":5,"update_date":6}"#
            }
            Kind::Role => {
                r#"{"role_id":"1","role_name":"r","description":null,"trust_policy":"{}","max_session_duration_secs":3600,"service_linked":false,"tags":[],"create_date":5,"update_date":null}"#
            }
            Kind::Policy => {
                r#"{"policy_type":"custom","policy_name":"P","description":null,"default_version":"v1","default_document":"{}","versions":[{"version_id":"v1","create_date":1,"document":"{}"}],"tags":[],"create_date":null,"update_date":null}"#
            }
            Kind::Instance => {
                r#"{"region":"eu-central-1","instance_id":"i-1","instance_name":"web","vpc_id":"vpc-1","role_name":"ops","status":"Running","tags":[{"key":"k","value":"v"}],"creation_time":60000}"#
            }
            Kind::PasswordPolicy => {
                r#"{"minimum_length":8,"minimum_different_characters":0,"require_lowercase":true,"require_uppercase":false,"require_numbers":true,"require_symbols":null,"forbid_user_name":null,"refuse_risky_over_api":false,"max_age_days":90,"initial_max_age_days":14,"expired_bars_login":false,"reuse_prevention_count":3,"max_login_attempts":5}"#
            }
            Kind::SecurityPreference => {
                r#"{"login_session_duration_hours":6,"login_network_masks":["10.0.0.0/8","192.168.0.0/16"],"mfa_operation_for_login":"independent","operation_for_risk_login":null,"verification_types":[],"save_mfa_ticket":false,"allow_user_to_login_with_passkey":null,"allow_user_to_change_password":true,"allow_user_to_manage_access_keys":false,"allow_user_to_manage_service_credentials":null,"allow_user_to_manage_mfa_devices":true,"allow_user_to_manage_personal_dingtalk":true,"max_idle_days_for_users":730,"max_idle_days_for_access_keys":730}"#
            }
            Kind::IdentityProvider => {
                r#"{"provider_type":"oidc","arn":"acs:ram::5481:oidc-provider/p","provider_name":"p","description":null,"metadata_sha256":null,"authn_sign_algorithm":null,"issuer_url":"https://example.com","client_ids":["a","b"],"fingerprints":["0f"],"issuance_limit_hours":12,"create_date":5,"update_date":null}"#
            }
            Kind::AccessKey => {
                r#"{"access_key_id":"LTAI1","user_id":"2","status":"active","create_date":5,"update_date":null}"#
            }
            Kind::LoginProfile => {
                r#"{"user_id":"2","status":"inactive","mfa_bind_required":true,"password_reset_required":null,"update_date":6}"#
            }
            Kind::MfaDevice => r#"{"user_id":"2","device_type":"U2F","serial_number":null,"activate_date":null}"#,
            Kind::Membership => r#"{"group_id":"1","user_id":"2","join_date":9}"#,
            Kind::PolicyAttachment => {
                r#"{"policy_type":"system","policy_name":"P","principal_type":"user","principal_id":"2","scope":"account","attach_date":9}"#
            }
        }
    }

    fn change(kind: Kind) -> Change {
        struct KeyOf(&'static str);
        impl ForKind for KeyOf {
            type Output = Key;
            fn with<E: Entity>(self) -> Key {
                serde_json::from_str::<E>(self.0).unwrap().key(ACCOUNT)
            }
        }
        Change {
            kind,
            key: kind.with(KeyOf(sample(kind))),
            op: Op::Updated,
            verb: Verb::Updated,
            cause: None,
            changed_fields: vec!["alias"],
            before: Some(sample(kind).into()),
            after: Some(sample(kind).into()),
            other_version: None,
            previous_revision: Some(2),
            span: Span { from: Some(Millis(1)), to: Millis(2) },
        }
    }

    fn decode(schema: &str, framed: &[u8]) -> Vec<(String, Value)> {
        let schema = Schema::parse_str(schema).unwrap();
        let value = GenericDatumReader::builder(&schema).build().unwrap().read_value(&mut &framed[5..]).unwrap();
        let Value::Record(fields) = value else { panic!("{value:?}") };
        fields
    }

    #[test]
    fn every_kind_is_encoded_with_its_entity_as_stored() {
        for kind in Kind::ALL {
            let (batch, change) = (batch(), change(*kind));
            let bytes = encoder().event(&Envelope::new(&batch, 1, &change), &Names::new()).unwrap();
            assert_eq!(bytes[..5], [0, 0, 0, 1, 2], "framing of {kind}");
            let fields = decode(kind.schema(), &bytes);
            let after = fields.iter().find(|(name, _)| name == "after");
            let Some((_, Value::Union(1, after))) = after else { panic!("{fields:?}") };
            let stored: serde_json::Value = serde_json::from_str(sample(*kind)).unwrap();
            let decoded: serde_json::Value = (**after).clone().try_into().unwrap();
            assert_eq!(decoded, stored, "{kind}");
        }
    }

    #[test]
    fn every_schema_begins_with_the_envelope_and_ends_with_before_after_and_what_the_change_means() {
        let field_names = |kind: &Kind| {
            let schema: serde_json::Value = serde_json::from_str(kind.schema()).unwrap();
            let fields = schema["fields"].as_array().unwrap();
            fields.iter().map(|field| field["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let envelope = field_names(&Kind::Account)[..18].to_vec();
        for kind in Kind::ALL {
            let names = field_names(kind);
            assert_eq!(names[..18], envelope, "{kind}");
            let end: &[&str] = match kind {
                Kind::Role => &["before", "after", "trust_added", "trust_removed"],
                _ => &["before", "after"],
            };
            assert_eq!(names[names.len() - end.len()..], *end, "{kind}");
        }
    }

    #[test]
    fn a_sync_record_fits_its_schema() {
        let mut notice = Notice::new(NoticeType::SyncCompleted, &batch(), "");
        notice.outcome = Some("complete");
        let fields = decode(SYNCS_SCHEMA, &encoder().notice(&notice).unwrap());
        assert_eq!(fields[0], ("notice_type".into(), Value::String("sync.completed".into())));
        assert_eq!(fields[6], ("sequence".into(), Value::Long(3)));
        let head = read_notice(&encoder().notice(&notice).unwrap()).unwrap();
        assert_eq!((head.notice_type.as_str(), head.sequence), ("sync.completed", 3));
        assert_eq!((head.sync_id, head.outcome.as_deref()), (Some(batch().sync_id.to_string()), Some("complete")));
        let started = Notice::lineage_started(batch().lineage, "5481", None, Millis(7));
        let head = read_notice(&encoder().notice(&started).unwrap()).unwrap();
        assert_eq!((head.notice_type.as_str(), head.sequence, head.sync_id), ("lineage.started", 0, None));
        assert_eq!((head.started_at, head.finished_at), (None, Some(Millis(7))));
        assert!(read_notice(b"").is_err());
        assert!(read_notice(b"\0\0\0\0\x07\xff").is_err());
    }

    /// apache-avro's own encoding of the same value.
    fn written_by_apache_avro<T: Serialize>(schema: &Schema, value: &T) -> Vec<u8> {
        let mut bytes = Vec::new();
        GenericDatumWriter::builder(schema).build().unwrap().write_ser(&mut bytes, value).unwrap();
        bytes
    }

    #[test]
    fn every_kind_has_the_bytes_that_apache_avro_writes() {
        struct Both<'a>(&'a Envelope<'a>);
        impl ForKind for Both<'_> {
            type Output = ();
            fn with<E: Entity>(self) {
                let (sides, names) = (Sides::<E>::of(self.0.change).unwrap(), Names::new());
                let event = Event::new(self.0, &sides, &names);
                let ours = encoder().event(self.0, &Names::new()).unwrap();
                assert_eq!(ours[5..], written_by_apache_avro(&SCHEMAS[&E::KIND], &event), "{}", E::KIND);
            }
        }
        for kind in Kind::ALL {
            let updated = change(*kind);
            let created =
                Change { before: None, changed_fields: Vec::new(), previous_revision: None, ..updated.clone() };
            let removed = Change { after: None, cause: Some(crate::diff::Cause::Cascade), ..updated.clone() };
            for change in [updated, created, removed] {
                kind.with(Both(&Envelope::new(&batch(), 70_000, &change)));
            }
        }
    }

    #[test]
    fn a_sync_record_has_the_bytes_that_apache_avro_writes() {
        let mut notice = Notice::new(NoticeType::SyncCompleted, &batch(), "");
        notice.started_at = Some(Millis(-1));
        notice.collections = vec![CollectionStatus {
            kind: "user",
            status: "partial",
            begun_at: Some(Millis(i64::MAX)),
            complete_at: None,
            stale_since: Some(Millis(i64::MIN)),
            reason: Some("denied"),
            stale_scopes: 64,
            count_difference: Some(-3),
            entities: 63,
            added: 0,
            updated: 1,
            removed: 8_192,
            baseline: true,
        }];
        assert_eq!(encoder().notice(&notice).unwrap()[5..], written_by_apache_avro(&SYNCS, &notice));
    }

    #[test]
    fn what_does_not_fit_its_schema_is_an_error() {
        #[derive(Serialize)]
        struct Alias<T> {
            alias: T,
        }
        #[derive(Serialize)]
        struct More {
            alias: Option<&'static str>,
            more: bool,
        }
        let schema = Schema::parse_str(r#"{"type":"record","name":"A","fields":[{"name":"alias","type":"string"}]}"#);
        let schema: &'static Schema = Box::leak(Box::new(schema.unwrap()));
        let writer = Writer::new(1, schema).unwrap();
        assert!(writer.encode(&Alias { alias: "a" }).is_ok());
        assert!(writer.encode(&Alias { alias: 1_i64 }).is_err());
        assert!(writer.encode(&Alias { alias: None::<&str> }).is_err());
        assert!(writer.encode(&Alias { alias: ["a"] }).is_err());
        assert!(writer.encode(&More { alias: Some("a"), more: true }).is_err());
        assert!(writer.encode(&"a").is_err());
    }

    #[test]
    fn the_event_of_a_changed_trust_policy_tells_who_is_trusted_now_and_who_no_longer() {
        let role = |trust: &str| {
            let trust = serde_json::Value::from(trust);
            sample(Kind::Role).replace(r#""trust_policy":"{}""#, &format!(r#""trust_policy":{trust}"#))
        };
        let ecs = role(r#"{"Statement":[{"Effect":"Allow","Principal":{"Service":["ecs.aliyuncs.com"]}}]}"#);
        let root = role(r#"{"Statement":[{"Effect":"Allow","Principal":{"RAM":["acs:ram::2:root"]}}]}"#);
        let updated = Change { before: Some(ecs.into()), after: Some(root.into()), ..change(Kind::Role) };
        let observed = Change { op: Op::Observed, before: None, ..updated.clone() };
        let told = |change: &Change| {
            let bytes = encoder().event(&Envelope::new(&batch(), 0, change), &Names::new()).unwrap();
            let fields = decode(Kind::Role.schema(), &bytes).into_iter().rev().take(2);
            let told = fields.map(|(name, value)| (name, serde_json::Value::try_from(value).unwrap()));
            serde_json::Value::Object(told.collect())
        };
        let expected = serde_json::json!({
            "trust_added": [{ "principal_type": "ram", "principal": "acs:ram::2:root" }],
            "trust_removed": [{ "principal_type": "service", "principal": "ecs.aliyuncs.com" }],
        });
        assert_eq!(told(&updated), expected);
        assert_eq!(told(&observed), serde_json::json!({ "trust_added": null, "trust_removed": null }));
    }

    /// What version 1 of the account wrote can be told once more, and says so.
    #[test]
    fn an_entity_of_an_older_version_is_told_under_that_version() {
        let before = Some(std::sync::Arc::new("1".to_owned()));
        let json: std::sync::Arc<str> = r#"{"alias":"example"}"#.into();
        let observed = Change { op: Op::Observed, before: None, after: Some(json), ..change(Kind::Account) };
        let observed = Change { other_version: before, ..observed };
        let bytes = encoder().event(&Envelope::new(&batch(), 0, &observed), &Names::new()).unwrap();
        let fields = decode(Kind::Account.schema(), &bytes);
        let get = |name: &str| fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.clone()).unwrap();
        assert_eq!(get("model_version"), Value::String("1".into()));
        let after: serde_json::Value = get("after").try_into().unwrap();
        let nothing_more = serde_json::json!({ "alias": "example", "root_mfa_enabled": null, "default_domain": null });
        assert_eq!(after, nothing_more);
    }

    #[test]
    fn the_names_of_its_ends_stand_in_an_edge() {
        let (batch, change) = (batch(), change(Kind::Membership));
        let names = Names::from_iter([(Key::new(ACCOUNT, Kind::Group, &["1"]), "admins".to_owned())]);
        let bytes = encoder().event(&Envelope::new(&batch, 0, &change), &names).unwrap();
        let fields = decode(Kind::Membership.schema(), &bytes);
        let get = |name: &str| fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.clone()).unwrap();
        assert_eq!(get("group_name"), Value::Union(1, Box::new(Value::String("admins".into()))));
        assert_eq!(get("user_name"), Value::Union(0, Box::new(Value::Null)));
    }
}
