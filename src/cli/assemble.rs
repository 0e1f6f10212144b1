//! From the configuration to the parts that run: the one place where both are seen.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use anyhow::Context;
use jiff::Timestamp;
use uuid::Uuid;

use crate::{
    alicloud::{self, CallReport, EndpointSettings, Endpoints, ExchangeSettings, OPERATIONS, Service},
    config::{self, Config},
    kafka::{
        self, ProducerReport,
        registry::{Registry, RegistryAuth, RegistryMode, RegistrySettings},
    },
    metrics::{CallOutcome, Deliveries, Metrics},
    model::{Kind, Reason},
    sync::{self, Rhythm, Schemas, TopicSettings, Topics},
};

use super::credentials::credentials_source;

/// The metrics, with every label that there can be.
pub(super) fn metrics() -> Arc<Metrics> {
    let operations: Vec<_> = OPERATIONS.iter().map(|operation| operation.name).collect();
    Arc::new(Metrics::new(Kind::ALL, &operations, Reason::ALL))
}

/// How the cloud is called, by an `instance` that the services' audit log can tell from others, with every attempt told to `metrics`.
pub(super) fn client_settings(
    alicloud: &config::Alicloud,
    credentials: &config::Credentials,
    instance: Option<Uuid>,
    metrics: Option<&Arc<Metrics>>,
) -> anyhow::Result<alicloud::Settings> {
    let settings = EndpointSettings {
        network: match alicloud.network {
            config::Network::Public => alicloud::Network::Public,
            config::Network::Vpc => alicloud::Network::Vpc,
        },
        region: alicloud.region.clone(),
        overrides: overrides(&alicloud.endpoints),
        allow_plain_http: alicloud.allow_plain_http,
    };
    let on_call = metrics.map(|metrics| {
        let metrics = Arc::clone(metrics);
        Arc::new(move |call: &CallReport| {
            let outcome = outcome(call.failure);
            metrics.call_ended(call.operation.name, outcome, call.elapsed, call.attempt, call.waited);
        }) as alicloud::CallObserver
    });
    let on_exchange = metrics.map(|metrics| {
        let metrics = Arc::clone(metrics);
        Arc::new(move |expire: Option<Timestamp>| {
            metrics.credentials_exchanged(expire.map(|expire| expire.as_duration().as_secs_f64()));
        }) as alicloud::ExchangeObserver
    });
    Ok(alicloud::Settings {
        exchange: ExchangeSettings {
            connect_timeout: alicloud.connect_timeout,
            total_timeout: alicloud.request_timeout,
            extra_ca_pem: alicloud.ca_file.as_deref().map(pem).transpose()?,
            proxy: alicloud.proxy.as_ref().map(ToString::to_string),
            instance,
            #[cfg(feature = "simulation")]
            simulated: None,
        },
        rate_share: alicloud.rate_share,
        concurrency: alicloud.concurrency,
        on_call,
        on_exchange,
        ..alicloud::Settings::new(credentials_source(credentials, &alicloud.endpoints)?, Endpoints::new(&settings)?)
    })
}

/// The credentials, which every purpose but that of the topics alone asks for.
pub(super) fn credentials(config: &Config) -> anyhow::Result<&config::Credentials> {
    config.credentials.as_ref().context("no credentials are configured")
}

/// The account's topics as configured, without the cloud.
pub(super) fn account_topics(config: &Config, kafka: &config::Kafka) -> sync::AccountTopics {
    let account_id = config.account.id.clone();
    sync::AccountTopics {
        account_name: config.account.name.clone(),
        connection: Arc::new(connection(kafka)),
        topics: Arc::new(Topics::new(&kafka.topic_prefix, &account_id)),
        settings: Some(topic_settings(kafka)),
        transactional_id: transactional_id(kafka, &account_id),
        redacted: Arc::new(config.collect.redacted()),
        account_id,
    }
}

fn transactional_id(kafka: &config::Kafka, account_id: &str) -> String {
    format!("{}.{account_id}", kafka.transactional_id_prefix)
}

/// One account's pipeline as configured.
pub(super) fn pipeline(config: &Config, metrics: &Arc<Metrics>) -> anyhow::Result<sync::Pipeline> {
    let publishing = config.publishing.as_ref().context("kafka and registry are not configured")?;
    let kafka = &publishing.kafka;
    let me = Uuid::new_v4();
    let settings = client_settings(&config.alicloud, credentials(config)?, Some(me), Some(metrics))?;
    let id = config.account.id.clone();
    Ok(sync::Pipeline {
        client: alicloud::Client::new(settings, &id)?,
        name: config.account.name.clone(),
        connection: Arc::new(measured(connection(kafka), metrics)),
        schemas: Schemas::new(registry(&publishing.registry)?).counted_by(metrics),
        transactional_id: transactional_id(kafka, &id),
        topics: Arc::new(Topics::new(&kafka.topic_prefix, &id)),
        topic_settings: Some(topic_settings(kafka)),
        kinds: config.collect.kinds.clone(),
        redacted: Arc::new(config.collect.redacted()),
        rhythm: rhythm(&config.sync),
        message_max_bytes: usize::try_from(kafka.message_max_bytes)?,
        metrics: Arc::clone(metrics),
        me,
        id,
    })
}

fn overrides(endpoints: &config::Endpoints) -> BTreeMap<Service, String> {
    let given = [
        (Service::Sts, &endpoints.sts),
        (Service::Ims, &endpoints.ims),
        (Service::Ram, &endpoints.ram),
        (Service::ResourceManager, &endpoints.resource_manager),
        (Service::Ecs, &endpoints.ecs),
    ];
    given.into_iter().filter_map(|(service, url)| Some((service, url.as_ref()?.to_string()))).collect()
}

fn outcome(failure: Option<Reason>) -> CallOutcome {
    match failure {
        None => CallOutcome::Ok,
        Some(Reason::Throttled) => CallOutcome::Throttled,
        Some(Reason::Denied) => CallOutcome::Denied,
        Some(Reason::Unauthenticated) => CallOutcome::Unauthenticated,
        Some(Reason::ParentGone) => CallOutcome::NotFound,
        Some(Reason::Unavailable | Reason::OutOfTime) => CallOutcome::Unavailable,
        Some(_) => CallOutcome::Protocol,
    }
}

/// How the brokers are reached.
pub(super) fn connection(kafka: &config::Kafka) -> kafka::Connection {
    let properties = kafka.connection_properties().into_iter();
    kafka::Connection {
        client_id: kafka.client_id.clone(),
        group_id: kafka.group_id.clone(),
        properties: properties.map(|(name, value)| (name, value.expose().to_owned())).collect(),
        compression: kafka.compression.to_owned(),
        message_max_bytes: kafka.message_max_bytes,
        transaction_timeout: kafka.transaction_timeout,
        ..kafka::Connection::new(kafka.brokers.clone())
    }
}

/// The same, with every transaction told to `metrics`.
fn measured(connection: kafka::Connection, metrics: &Arc<Metrics>) -> kafka::Connection {
    let metrics = Arc::clone(metrics);
    let on_producer = move |report: &ProducerReport| {
        metrics.delivered(&Deliveries {
            records: report.delivered,
            bytes: report.delivered_bytes,
            errors: report.failed,
            queue_peak: report.queue_peak,
            queue_wait: report.queue_wait,
            round_trip: report.round_trip,
        });
    };
    kafka::Connection { on_producer: Some(Arc::new(on_producer)), ..connection }
}

/// The registry.
pub(super) fn registry(registry: &config::Registry) -> anyhow::Result<Registry> {
    let auth = match &registry.auth {
        config::RegistryAuth::None => RegistryAuth::None,
        config::RegistryAuth::Basic { username, password } => {
            RegistryAuth::Basic { username: username.clone(), password: password.expose().to_owned() }
        }
        config::RegistryAuth::Bearer(token) => RegistryAuth::Bearer { token: token.expose().to_owned() },
    };
    Ok(Registry::new(RegistrySettings {
        urls: registry.urls.clone(),
        auth,
        ca_pem: registry.ca_file.as_deref().map(pem).transpose()?,
        timeout: registry.timeout,
        mode: match registry.mode {
            config::RegistryMode::Register => RegistryMode::Register,
            config::RegistryMode::Lookup => RegistryMode::Lookup,
        },
    })?)
}

fn topic_settings(kafka: &config::Kafka) -> TopicSettings {
    TopicSettings {
        create: kafka.create_topics,
        event_partitions: kafka.event_partitions,
        event_retention: kafka.event_retention,
        syncs_retention: kafka.syncs_retention,
        replication: kafka.replication_factor,
    }
}

fn rhythm(sync: &config::Sync) -> Rhythm {
    Rhythm {
        interval: sync.interval,
        jitter: sync.jitter,
        detail_interval: sync.detail_interval,
        time_budget: sync.time_budget,
        confirm_delay: sync.confirm_delay,
        takeover_after: sync.takeover_after,
        shutdown_deadline: sync.shutdown_deadline,
    }
}

fn pem(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("reading the certificate authority {}", path.display()))
}
