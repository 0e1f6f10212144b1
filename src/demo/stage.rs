//! What stands around the daemon: the account, the broker, the registry, and somebody who changes the account.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::broker::Broker;
use super::caller::Caller;
use super::registry;
use crate::alicloud::Credentials;
use crate::simulator::{self, seed::Size};
use crate::sync::Topics;

/// Small enough to be read at a glance, and the first group is `administrators`.
const SIZE: Size = Size {
    users: 4,
    groups: 2,
    memberships: 4,
    roles: 1,
    custom_policies: 1,
    system_policies: 5,
    attachments: 0,
    access_keys: 0,
    login_profiles: 0,
    mfa_devices: 0,
    instances: 0,
    seed: 1,
};

/// A client that never ends its request is not waited for any longer than this.
const END_PATIENCE: Duration = Duration::from_secs(2);

/// The parts of the demo, running until this is dropped or ended.
pub struct Stage {
    /// The simulated account.
    pub account: simulator::Running,
    /// Its topics.
    pub topics: Arc<Topics>,
    /// Where the registry answers.
    pub registry: SocketAddr,
    broker: Broker,
    caller: Caller,
    stop: DropGuard,
    tasks: TaskTracker,
}

impl Stage {
    /// Starts everything and gives the account's groups their policies; `topic_prefix` as the daemon will have it.
    ///
    /// # Errors
    /// No port, or a part that does not start.
    pub async fn start(topic_prefix: &str) -> anyhow::Result<Self> {
        let account = simulator::start(simulator::Settings { size: SIZE, ..simulator::Settings::default() });
        let account = account.await.context("starting the simulated account")?;
        let topics = Arc::new(Topics::new(topic_prefix, &account.account_id));
        let broker = Broker::start(&topics).context("starting librdkafka's mock broker")?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("starting the registry")?;
        let credentials = Credentials {
            access_key_id: account.access_key_id.clone(),
            access_key_secret: account.access_key_secret.clone(),
            security_token: None,
        };
        let stop = CancellationToken::new();
        let stage = Self {
            caller: Caller::new(account.http, account.control, credentials)?,
            registry: listener.local_addr()?,
            account,
            topics,
            broker,
            stop: stop.clone().drop_guard(),
            tasks: TaskTracker::new(),
        };
        let served = axum::serve(listener, registry::routes()).with_graceful_shutdown(stop.cancelled_owned());
        stage.tasks.spawn(async { served.await });
        stage.tasks.close();
        stage.furnish().await?;
        Ok(stage)
    }

    async fn furnish(&self) -> anyhow::Result<()> {
        for (policy, group) in [("AdministratorAccess", "administrators"), ("ReadOnlyAccess", "developers")] {
            let parameters = [("PolicyType", "System"), ("PolicyName", policy), ("GroupName", group)];
            self.caller.ram("AttachPolicyToGroup", &parameters).await?;
        }
        Ok(())
    }

    /// The broker's `host:port`.
    #[must_use]
    pub fn bootstrap_servers(&self) -> String {
        self.broker.bootstrap_servers()
    }

    pub(super) fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Ends every part; requests under way are answered first, if that does not take long.
    ///
    /// # Errors
    /// The simulated account does not end in order.
    pub async fn end(self) -> anyhow::Result<()> {
        drop(self.stop);
        let ended = async {
            self.tasks.wait().await;
            self.account.shutdown().await.context("ending the simulated account")
        };
        timeout(END_PATIENCE, ended).await.unwrap_or(Ok(()))
    }
}
