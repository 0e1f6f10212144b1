//! The account in this process, read by the product's own client under a paused clock.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::{AccessKey, IMS, InProcess, RAM};
use crate::alicloud::{
    self, CallError, Client, Credentials, CredentialsSource, EndpointSettings, Endpoints, ExchangeSettings, Session,
    SimulatedServices, ims,
};
use crate::ambient::{self, Simulation};
use crate::simulator::{Settings, seed};

const BUDGET: Duration = Duration::from_secs(240);

struct World {
    account: InProcess,
    credentials: Arc<Mutex<Credentials>>,
    client: Client,
    simulation: Simulation,
}

fn credentials(key: &AccessKey) -> Credentials {
    Credentials {
        access_key_id: key.id.clone(),
        access_key_secret: key.secret.clone(),
        security_token: key.security_token.clone(),
    }
}

fn world(seed: u64) -> World {
    let simulation = ambient::simulate(seed, "2026-01-01T00:00:00Z".parse().unwrap());
    let account = InProcess::new(&Settings { size: seed::Size { seed, ..Default::default() }, ..Settings::default() });
    let account = account.unwrap();
    account.set_latency(Duration::from_millis(5)..=Duration::from_millis(80));
    let credentials = Arc::new(Mutex::new(credentials(&account.access_key)));
    let source = CredentialsSource::Shared(Arc::clone(&credentials));
    let settings = alicloud::Settings {
        exchange: ExchangeSettings {
            simulated: Some(SimulatedServices::new(account.services())),
            ..ExchangeSettings::default()
        },
        ..alicloud::Settings::new(source, Endpoints::new(&EndpointSettings::default()).unwrap())
    };
    let client = Client::new(settings, &account.account_id).unwrap();
    World { account, credentials, client, simulation }
}

impl World {
    fn session(&self) -> Session {
        self.client.session(Instant::now() + BUDGET)
    }

    async fn users(&self) -> Vec<String> {
        let users = ims::list_users(&self.session()).await.unwrap();
        let name = |user: &ims::User| user.user_principal_name.split('@').next().unwrap().to_owned();
        users.items().iter().map(name).collect()
    }

    async fn refusal(&self) -> CallError {
        ims::get_account_summary(&self.session()).await.map(|_| ()).unwrap_err()
    }

    /// Everything that the checks below look at, in one run.
    async fn story(self) -> Vec<String> {
        self.account.add_fault(json!({ "operation": "ListUsers", "fault": "reset", "probability": 0.5 })).unwrap();
        self.users().await;
        self.account.call(RAM, "CreateUser", &[("UserName", "eve")]).unwrap();
        self.account.add_fault(json!({ "operation": "*", "fault": "http_5xx", "times": 2 })).unwrap();
        self.users().await;
        self.account.truth_lines()
    }
}

#[tokio::test(start_paused = true)]
async fn a_reading_sees_what_an_administrator_did_and_takes_no_real_time() {
    let world = world(1);
    let before = world.users().await;
    assert_eq!(before, world.account.names("users"));
    world.account.call(RAM, "CreateUser", &[("UserName", "eve")]).unwrap();
    let refused = world.account.call(RAM, "CreateUser", &[("UserName", "Eve")]).unwrap_err();
    assert_eq!((refused.status, refused.code.as_ref()), (409, "EntityAlreadyExists.User"));
    assert_eq!(world.users().await, [before, vec!["eve".to_owned()]].concat());
    assert!(world.account.call(IMS, "ListUsers", &[]).unwrap()["Users"]["User"].is_array());
}

#[tokio::test(start_paused = true)]
async fn what_strikes_over_a_socket_strikes_here() {
    let world = world(1);
    world.users().await;
    for fault in ["reset", "reset_after", "truncate_body", "truncate_json", "html", "http_5xx", "throttle"] {
        world.account.add_fault(json!({ "operation": "ListUsers", "fault": fault, "times": 1 })).unwrap();
    }
    let slow = json!({ "operation": "ListUsers", "fault": "slow", "delay_ms": 31_000, "times": 1 });
    world.account.add_fault(slow).unwrap();
    let begun = Instant::now();
    assert_eq!(world.users().await, world.account.names("users"));
    assert!(begun.elapsed() >= Duration::from_secs(30), "the time-out struck");
    let fired: Vec<_> = world.account.faults().iter().map(|fault| fault["fired"].as_u64().unwrap()).collect();
    assert_eq!(fired, [1; 8]);
    assert!(world.account.add_fault(json!({ "operation": "Nothing", "fault": "deny" })).is_err());
}

#[tokio::test(start_paused = true)]
async fn denials_and_keys_come_and_go() {
    let world = world(1);
    world.account.deny("GetAccountSummary").unwrap();
    assert!(matches!(world.refusal().await, CallError::Denied(_)));
    world.account.permit("GetAccountSummary");
    ims::get_account_summary(&world.session()).await.unwrap();

    let next = world.account.issue_key(Some(jiff::SignedDuration::from_hours(1)));
    *world.credentials.lock().unwrap() = credentials(&next);
    ims::get_account_summary(&world.session()).await.unwrap();
    world.account.expire_key(&next.id);
    assert!(matches!(world.refusal().await, CallError::Unauthenticated(_)));
    *world.credentials.lock().unwrap() = credentials(&world.account.access_key);
    ims::get_account_summary(&world.session()).await.unwrap();
    world.account.revoke_key(&world.account.access_key.id);
    assert!(matches!(world.refusal().await, CallError::Unauthenticated(_)));
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_apart_is_corrected_by_the_services_own() {
    let world = world(1);
    world.simulation.set_clock_offset(jiff::SignedDuration::from_hours(-5));
    let session = world.session();
    ims::list_users(&session).await.unwrap();
    assert_eq!(session.calls().clock_offset_secs, Some(5 * 3600));
}

#[test]
fn the_same_seed_is_the_same_log_and_another_seed_another() {
    let run = |seed| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(async { world(seed).story().await })
    };
    let first = run(7);
    assert!(first.len() > 5 && first[0].contains(r#""type":"account""#), "{first:?}");
    assert_eq!(first, run(7));
    assert_ne!(first[1..], run(8)[1..]);
}
