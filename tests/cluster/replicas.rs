//! Shell. Two processes and one Lease: who writes, and when the other takes over.

use std::process::Stdio;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use tidegate_testservers::{ADMIN, ApiRequest, TIDEGATE};
use tokio::process::{Child, Command};

use crate::support::{Fixture, PATIENCE, World, eventually, extract};

const LEASE: Duration = Duration::from_secs(15);

/// A controller as a process, under a user of its own: so the audit log tells the two apart.
struct Replica {
    child: Child,
    user: &'static str,
}

impl Replica {
    fn start(world: &World, user: &'static str) -> Self {
        let kubeconfig = world.servers.plane().kubeconfig_path(user).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_tidegate"))
            .args(["controller", "--admin-addr", "127.0.0.1:0", "--kubeconfig"])
            .arg(kubeconfig)
            .args(["--namespace", &world.namespace, "--lease-duration", "15s"])
            .args(["--lease-namespace", "default"])
            .args(["--lease-name", &world.namespace])
            .env("POD_NAME", user)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        Self { child, user }
    }

    fn signal(&self, signal: Signal) {
        let number = self.child.id().unwrap().try_into().unwrap();
        kill_process(Pid::from_raw(number).unwrap(), signal).unwrap();
    }

    /// The exit code, once it has ended by itself.
    async fn ended(&mut self) -> Option<i32> {
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        ended.expect("the process goes on").unwrap().code()
    }
}

/// Two replicas, of which the first holds the Lease and has synced an object that is polled every
/// second.
struct Pair {
    world: World,
    mark: u64,
    holder: Replica,
    standby: Replica,
    written: u32,
}

impl Pair {
    async fn new(fixture: Fixture, name: &str) -> Self {
        let world = World::new(fixture, name).await;
        let mark = world.mark();
        let key = world.put("app", &json!({ "n": "0" })).await;
        world.vault_store().await;
        world.external_secret("app", &extract(&[&key])).await;
        let holder = Replica::start(&world, TIDEGATE);
        world.ready("app", "True", "SecretSynced").await;
        let standby = Replica::start(&world, ADMIN);
        let mut pair = Self {
            world,
            mark,
            holder,
            standby,
            written: 0,
        };
        // It has looked at the Lease several times before anything happens.
        eventually("the standby to wait", || async {
            let asked = pair.leases(ADMIN).await;
            asked.iter().filter(|r| r.verb == "get").count() >= 3
        })
        .await;
        pair.rotate().await;
        pair
    }

    /// A new value, and its way into the Secret.
    async fn rotate(&mut self) {
        self.written += 1;
        let number = self.written.to_string();
        self.world.put("app", &json!({ "n": number })).await;
        self.world.holds("app", &[("n", &number)]).await;
    }

    async fn asked(&self) -> Vec<ApiRequest> {
        let asked = self.world.servers.plane().requests_since(self.mark).await;
        let mut asked = asked.unwrap();
        asked.retain(|request| !request.user_agent.contains("testservers"));
        asked
    }

    async fn leases(&self, user: &str) -> Vec<ApiRequest> {
        let name = &self.world.namespace;
        let mut asked = self.asked().await;
        asked.retain(|r| r.user == user && r.resource == "leases" && r.name == *name);
        asked
    }

    /// Well answered writes of Secrets and statuses by one of the two.
    async fn writes(&self, user: &str) -> Vec<ApiRequest> {
        let namespace = &self.world.namespace;
        let mut asked = self.asked().await;
        asked.retain(|r| {
            r.user == user
                && r.mutates()
                && r.namespace == *namespace
                && matches!(r.resource.as_str(), "secrets" | "externalsecrets")
                && r.code < 300
        });
        asked
    }

    /// Who holds the Lease; nobody has no name.
    async fn lease_holder(&self) -> String {
        let path = format!(
            "/apis/coordination.k8s.io/v1/namespaces/default/leases/{}",
            self.world.namespace
        );
        let lease = self.world.servers.admin.get(&path).await.unwrap();
        let lease = lease.ok().unwrap();
        let holder = lease["spec"]["holderIdentity"].as_str();
        holder.unwrap_or_default().to_owned()
    }

    /// When a user last renewed the Lease, by the API server's clock.
    async fn renewed(&self, user: &str) -> Timestamp {
        let asked = self.leases(user).await;
        let renewals = asked.iter().filter(|r| r.mutates() && r.code < 300);
        renewals.map(|r| r.at).max().unwrap()
    }

    /// The first write of the standby, made to come by a new value.
    async fn taken_over(&mut self) -> Timestamp {
        self.rotate().await;
        let writes = self.writes(self.standby.user).await;
        writes.iter().map(|r| r.at).min().unwrap()
    }
}

async fn the_standby_waits_and_takes_over_at_once_on_sigterm(fixture: Fixture) {
    let mut pair = Pair::new(fixture, "sigterm").await;
    pair.rotate().await;
    assert_eq!(pair.writes(ADMIN).await, Vec::new(), "two write");
    pair.holder.signal(Signal::TERM);
    assert_eq!(pair.holder.ended().await, Some(0));
    // Released, not left to run out: nobody's, or the standby's already.
    let holder = pair.lease_holder().await;
    assert!(!holder.starts_with(TIDEGATE), "held by {holder}");
    let released = pair.renewed(TIDEGATE).await;
    let taken = pair.taken_over().await;
    assert!(taken > released, "an overlap");
}

async fn a_killed_holder_is_followed_after_its_lease_and_not_before(fixture: Fixture) {
    let mut pair = Pair::new(fixture, "killed").await;
    pair.holder.child.kill().await.unwrap();
    let renewed = pair.renewed(TIDEGATE).await;
    let taken = pair.taken_over().await;
    let after = taken.duration_since(renewed);
    let lease = SignedDuration::try_from(LEASE).unwrap();
    assert!(
        after >= lease,
        "an overlap: {after:?} after the last renewal"
    );
}

async fn a_holder_that_sleeps_through_its_lease_wakes_without_a_right_to_write(fixture: Fixture) {
    let mut pair = Pair::new(fixture, "asleep").await;
    pair.holder.signal(Signal::STOP);
    let before = pair.writes(TIDEGATE).await;
    let renewed = pair.renewed(TIDEGATE).await;
    let taken = pair.taken_over().await;
    let lease = SignedDuration::try_from(LEASE).unwrap();
    assert!(taken.duration_since(renewed) >= lease);
    pair.holder.signal(Signal::CONT);
    assert_eq!(
        pair.holder.ended().await,
        Some(1),
        "it went on as if it led"
    );
    pair.rotate().await;
    assert_eq!(
        pair.writes(TIDEGATE).await,
        before,
        "it wrote after its sleep"
    );
}

on_real!(OneUser:
    the_standby_waits_and_takes_over_at_once_on_sigterm,
    a_killed_holder_is_followed_after_its_lease_and_not_before,
    a_holder_that_sleeps_through_its_lease_wakes_without_a_right_to_write,
);
