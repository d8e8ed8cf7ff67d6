//! Shell. Tests of the tower service without a client: watches, time, faults and the request log.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full};
use kubebox::{Body, Fault, FaultRule, Kubebox, Options, Reset, TokioClock, Verb};
use serde_json::{Value, json};
use tokio::time::Instant;
use tower::Service;

const SECRETS: &str = "/api/v1/namespaces/default/secrets";

fn kubebox() -> Kubebox {
    let start = "2026-01-01T00:00:00Z".parse().unwrap();
    let clock = std::sync::Arc::new(TokioClock::starting_at(start));
    Kubebox::new(Options {
        clock,
        ..Options::default()
    })
}

async fn send(
    kubebox: &Kubebox,
    method: Method,
    url: &str,
    body: Value,
) -> Result<Response<Body>, Reset> {
    let body = if body.is_null() {
        Bytes::new()
    } else {
        body.to_string().into()
    };
    let media = if method == Method::PATCH {
        "application/merge-patch+json"
    } else {
        "application/json"
    };
    let request = Request::builder()
        .method(method)
        .uri(url)
        .header("content-type", media)
        .header("user-agent", "tester/1")
        .body(Full::new(body))
        .unwrap();
    kubebox.clone().call(request).await
}

async fn json_of(response: Response<Body>) -> Value {
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    serde_json::from_slice(&bytes).unwrap()
}

async fn create(kubebox: &Kubebox, name: &str) {
    let body = json!({"metadata": {"name": name}, "data": {"k": "dg=="}});
    let made = send(kubebox, Method::POST, SECRETS, body).await.unwrap();
    assert_eq!(made.status(), 201);
}

async fn watch(kubebox: &Kubebox, query: &str) -> Body {
    let url = format!("{SECRETS}?watch=true&{query}");
    let response = send(kubebox, Method::GET, &url, Value::Null).await.unwrap();
    assert_eq!(response.status(), 200);
    response.into_body()
}

/// Types and names of the next piece of a watch; `None` at its end.
async fn next(body: &mut Body) -> Option<Result<Vec<String>, Reset>> {
    let frame = body.frame().await?;
    Some(frame.map(|frame| {
        let text = String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap();
        text.lines()
            .map(|line| {
                let event: Value = serde_json::from_str(line).unwrap();
                let name = event["object"]["metadata"]["name"]
                    .as_str()
                    .unwrap_or_default();
                format!("{} {name}", event["type"].as_str().unwrap())
            })
            .collect()
    }))
}

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

#[tokio::test(start_paused = true)]
async fn a_watch_wakes_for_writes_and_ends_at_its_timeout() {
    let kubebox = kubebox();
    let start = Instant::now();
    let mut body = watch(
        &kubebox,
        "resourceVersion=1&timeoutSeconds=150&allowWatchBookmarks=true",
    )
    .await;
    let (events, ()) = tokio::join!(next(&mut body), create(&kubebox, "a"));
    assert_eq!(events, Some(Ok(vec!["ADDED a".to_owned()])));
    assert_eq!(
        next(&mut body).await,
        Some(Ok(vec!["BOOKMARK ".to_owned()]))
    );
    assert_eq!(start.elapsed(), seconds(60));
    assert_eq!(
        next(&mut body).await,
        Some(Ok(vec!["BOOKMARK ".to_owned()]))
    );
    assert_eq!(
        next(&mut body).await,
        Some(Ok(vec!["BOOKMARK ".to_owned()]))
    );
    assert_eq!(next(&mut body).await, None);
    assert_eq!(start.elapsed(), seconds(150));
}

#[tokio::test(start_paused = true)]
async fn objects_carry_the_paused_time() {
    let kubebox = kubebox();
    tokio::time::advance(seconds(3600)).await;
    create(&kubebox, "a").await;
    let url = format!("{SECRETS}/a");
    let made = json_of(
        send(&kubebox, Method::GET, &url, Value::Null)
            .await
            .unwrap(),
    )
    .await;
    assert_eq!(
        made["metadata"]["creationTimestamp"],
        "2026-01-01T01:00:00Z"
    );
}

#[tokio::test(start_paused = true)]
async fn watches_can_be_dropped_late_or_slow() {
    let kubebox = kubebox();
    let mut dropped = watch(&kubebox, "resourceVersion=1").await;
    kubebox.drop_watches();
    assert_eq!(next(&mut dropped).await, Some(Err(Reset)));
    assert_eq!(next(&mut dropped).await, None);
    kubebox.inject(FaultRule::new(Fault::DropWatch(seconds(5))).times(1));
    let start = Instant::now();
    let mut timed = watch(&kubebox, "resourceVersion=1").await;
    assert_eq!(next(&mut timed).await, Some(Err(Reset)));
    assert_eq!(start.elapsed(), seconds(5));
    kubebox.clear_faults();
    kubebox.inject(FaultRule::new(Fault::LagWatch(seconds(7))).verb(Verb::Watch));
    let mut slow = watch(&kubebox, "resourceVersion=1").await;
    let start = Instant::now();
    create(&kubebox, "a").await;
    assert_eq!(next(&mut slow).await, Some(Ok(vec!["ADDED a".to_owned()])));
    assert_eq!(start.elapsed(), seconds(7));
    assert_eq!(kubebox.faults_struck(), [1]);
}

#[tokio::test(start_paused = true)]
async fn a_watch_older_than_the_compaction_ends_with_410() {
    let kubebox = kubebox();
    create(&kubebox, "a").await;
    create(&kubebox, "b").await;
    kubebox.compact();
    let mut body = watch(&kubebox, "resourceVersion=1").await;
    assert_eq!(next(&mut body).await, Some(Ok(vec!["ERROR ".to_owned()])));
    assert_eq!(next(&mut body).await, None);
    let current = kubebox.resource_version();
    let mut body = watch(&kubebox, &format!("resourceVersion={current}")).await;
    let (events, ()) = tokio::join!(next(&mut body), create(&kubebox, "c"));
    assert_eq!(events, Some(Ok(vec!["ADDED c".to_owned()])));
}

#[tokio::test(start_paused = true)]
async fn faults_strike_as_ordered() {
    let kubebox = kubebox();
    let post = || {
        let body = json!({"metadata": {"generateName": "x-"}});
        send(&kubebox, Method::POST, SECRETS, body)
    };
    let rule = |fault| {
        FaultRule::new(fault)
            .verb(Verb::Create)
            .resource("secrets")
            .times(1)
    };
    kubebox.inject(rule(Fault::TooManyRequests { retry_after: 3 }));
    let refused = post().await.unwrap();
    assert_eq!(refused.status(), 429);
    assert_eq!(refused.headers()["retry-after"], "3");
    kubebox.inject(rule(Fault::Status(503)));
    assert_eq!(post().await.unwrap().status(), 503);
    kubebox.inject(rule(Fault::Conflict));
    let conflict = json_of(post().await.unwrap()).await;
    assert_eq!(conflict["reason"], "Conflict");
    kubebox.inject(rule(Fault::Expired));
    assert_eq!(post().await.unwrap().status(), 410);
    let before = kubebox.resource_version();
    kubebox.inject(rule(Fault::Reset));
    assert_eq!(post().await.err(), Some(Reset));
    assert_eq!(kubebox.resource_version(), before);
    kubebox.inject(rule(Fault::LoseAnswer));
    assert_eq!(post().await.err(), Some(Reset));
    assert_eq!(kubebox.resource_version(), before + 1);
    let start = Instant::now();
    kubebox.inject(rule(Fault::Latency(seconds(9))));
    assert_eq!(post().await.unwrap().status(), 201);
    assert_eq!(start.elapsed(), seconds(9));
    assert_eq!(kubebox.faults_struck(), [1; 7]);
}

#[tokio::test(start_paused = true)]
async fn faults_choose_by_kind_namespace_and_name_and_refuse_watches_with_410() {
    let kubebox = kubebox();
    create(&kubebox, "a").await;
    let rule = |fault| FaultRule::new(fault).resource("secrets");
    kubebox.inject(rule(Fault::Expired).verb(Verb::Watch).times(1));
    let url = "/api/v1/namespaces/default/secrets?watch=true&resourceVersion=1";
    let refused = send(&kubebox, Method::GET, url, Value::Null).await.unwrap();
    assert_eq!(json_of(refused).await["reason"], "Expired");
    let mut body = watch(&kubebox, "resourceVersion=1").await;
    assert_eq!(next(&mut body).await, Some(Ok(vec!["ADDED a".to_owned()])));
    kubebox.clear_faults();
    kubebox.inject(rule(Fault::Status(500)).namespace("default").name("a"));
    let get = |url: &'static str| send(&kubebox, Method::GET, url, Value::Null);
    let url = "/api/v1/namespaces/default/secrets/a";
    assert_eq!(get(url).await.unwrap().status(), 500);
    let other = "/api/v1/namespaces/default/configmaps/a";
    assert_eq!(get(other).await.unwrap().status(), 404);
    let elsewhere = "/api/v1/namespaces/kube-system/secrets/a";
    assert_eq!(get(elsewhere).await.unwrap().status(), 404);
    assert_eq!(kubebox.faults_struck(), [1]);
}

#[tokio::test(start_paused = true)]
async fn probable_faults_strike_the_same_requests_by_seed() {
    let run = async |seed| {
        let kubebox = Kubebox::new(Options {
            seed,
            ..Options::default()
        });
        kubebox.inject(FaultRule::new(Fault::Status(503)).probability(0.5));
        let mut codes = Vec::new();
        for _ in 0..64 {
            let answer = send(&kubebox, Method::GET, SECRETS, Value::Null).await;
            codes.push(answer.unwrap().status().as_u16());
        }
        codes
    };
    let first = run(7).await;
    assert!(first.contains(&503) && first.contains(&200), "{first:?}");
    assert_eq!(run(7).await, first);
    assert_ne!(run(8).await, first);
}

#[tokio::test(start_paused = true)]
async fn every_request_is_on_record() {
    let kubebox = kubebox();
    create(&kubebox, "a").await;
    let url = format!("{SECRETS}/a?fieldManager=me");
    let patch = json!({"data": {"k": "bmV3"}});
    send(&kubebox, Method::PATCH, &url, patch.clone())
        .await
        .unwrap();
    send(&kubebox, Method::PATCH, &format!("{url}&dryRun=All"), patch)
        .await
        .unwrap();
    kubebox.inject(FaultRule::new(Fault::Reset).verb(Verb::Get));
    assert!(
        send(&kubebox, Method::GET, &url, Value::Null)
            .await
            .is_err()
    );
    let log = kubebox.requests();
    let brief: Vec<_> = log
        .iter()
        .map(|r| {
            (
                r.verb,
                r.name.as_str(),
                r.manager.as_str(),
                r.code,
                r.is_write(),
            )
        })
        .collect();
    assert_eq!(
        brief,
        [
            (Verb::Create, "", "tester", Some(201), true),
            (Verb::Patch, "a", "me", Some(200), true),
            (Verb::Patch, "a", "me", Some(200), false),
            (Verb::Get, "a", "me", None, false),
        ]
    );
    assert!(log[3].faulted);
    assert_eq!(log[0].resource, "secrets");
    kubebox.clear_requests();
    assert!(kubebox.requests().is_empty());
}

#[tokio::test(start_paused = true)]
async fn too_large_a_body_is_refused_unread() {
    let kubebox = kubebox();
    let body = json!({"x": "y".repeat(4 << 20)});
    let refused = send(&kubebox, Method::POST, SECRETS, body).await.unwrap();
    assert_eq!(refused.status(), 413);
}

#[tokio::test]
async fn only_loopback_is_served() {
    let listener = tokio::net::TcpListener::bind(("0.0.0.0", 0)).await.unwrap();
    let access = kubebox::Access::new("token").unwrap();
    let served = kubebox().serve(listener, &access, async {}).await;
    assert_eq!(served.unwrap_err().kind(), std::io::ErrorKind::InvalidInput);
    assert!(kubebox::Access::new("two words").is_err());
    assert!(!format!("{access:?}").contains("token"));
}
