//! Shell. What polling costs in memory: alone in its process, so that growth is its own.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tidegate_contract::{
    Find, Limits, Listing, Provider, ProviderError, RemoteKey, RemoteSecret, Validation,
};
use tidegate_fetch::{
    Endpoint, Fetch, FetchOptions, FingerprintKey, Identity, Seen, Source, Subscription, TokioClock,
};

#[derive(Debug)]
struct Unused;

#[async_trait]
impl Provider for Unused {
    fn limits(&self) -> Limits {
        Limits {
            in_flight: 8,
            keys_per_call: 1,
            rate: None,
        }
    }
    async fn fetch(&self, _: &[RemoteKey]) -> Vec<Result<RemoteSecret, ProviderError>> {
        Vec::new()
    }
    async fn list(&self, _: &Find) -> Result<Listing, ProviderError> {
        Ok(Listing {
            keys: vec![],
            complete: true,
        })
    }
    async fn validate(&self) -> Result<Validation, ProviderError> {
        Ok(Validation::Ready)
    }
}

/// Resident memory of this process, in bytes; `None` where there is no Linux `/proc`.
fn resident() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    let kibibytes: usize = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kibibytes << 10)
}

#[tokio::test(start_paused = true)]
async fn a_hundred_thousand_objects_on_twenty_thousand_keys_fit_in_forty_mebibytes() {
    let clock = Arc::new(TokioClock::starting_at(Duration::from_secs(1_700_000_000)));
    let key = FingerprintKey::new([1; 32]);
    let fetch = Fetch::new(FetchOptions::new(clock, "cluster", key, 1));
    let source = Source {
        identity: Identity::new("2f0c5a1e-4ad8-4f0a-9d53-6c5f7c5d9f10", 3, vec![], None),
        endpoint: Endpoint::new("vault.example:8200"),
        provider: Arc::new(Unused),
    };
    let before = resident().expect("VmRSS in /proc/self/status");
    for n in 0..100_000 {
        let key = Subscription {
            source: source.clone(),
            key: RemoteKey::latest(format!("team-{}/service/config", n % 20_000)),
            seen: Seen::Nothing,
            refreshed: None,
        };
        let object = format!("namespace-{}/external-secret-{n}", n % 200).into();
        fetch.subscribe(&object, vec![key], Duration::from_secs(3600));
    }
    let stats = fetch.stats();
    assert_eq!((stats.groups, stats.objects), (20_000, 100_000));
    let after = resident().expect("VmRSS in /proc/self/status");
    let grown = after.saturating_sub(before);
    println!(
        "{} bytes per object, 5 of them on each key",
        grown / 100_000
    );
    assert!(grown <= 40 << 20, "{grown} bytes");
}
