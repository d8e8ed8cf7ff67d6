//! Shell. The few calls of etcd's gRPC API that a census needs: ranges, and how full it is.

mod tls;

use std::path::PathBuf;
use std::time::Duration;

use http::uri::PathAndQuery;
use prost::Message;
use tonic::transport::{Channel, ClientTlsConfig, Endpoint};
use tonic::{Code, Request};
use tonic_prost::ProstCodec;
use zeroize::Zeroizing;

use crate::config::change::Writer;
use crate::config::resource::etcd_folder;
use crate::error::{Failure, chain};
use crate::stored::Stored;

/// One answer of a range, at most; a page that is larger is asked for again in halves.
const MAX_ANSWER: usize = 32 << 20;
/// Bytes that a page aims at: whoever reads beside us waits while etcd gathers one.
const PAGE_BYTES: usize = 4 << 20;
/// Of one call.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Tries of one call, over all endpoints.
const TRIES: usize = 5;

/// Where etcd is, and the files that open it.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// `https://…` or `http://…`; the first that answers is used.
    pub endpoints: Vec<String>,
    /// The authority of its certificates.
    pub ca: Option<PathBuf>,
    /// Our certificate.
    pub cert: Option<PathBuf>,
    /// Its key.
    pub key: Option<PathBuf>,
}

/// A client of one etcd cluster.
#[derive(Debug)]
pub struct Etcd {
    channel: Channel,
    /// Where ranges are read at, so that all pages show one moment.
    revision: i64,
    /// Objects that fill a page, by the size of those of the last one.
    fill: i64,
}

/// One stored object.
pub struct Entry {
    /// Its key.
    pub key: Vec<u8>,
    /// Its value.
    pub value: Zeroizing<Vec<u8>>,
    /// The revision of its last write, which is its resourceVersion.
    pub mod_revision: i64,
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entry")
            .field("mod_revision", &self.mod_revision)
            .finish_non_exhaustive()
    }
}

/// How full etcd is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Bytes of the database that hold data.
    pub used: u64,
    /// Bytes at which etcd refuses writes.
    pub quota: u64,
}

#[derive(Clone, PartialEq, Message)]
struct RangeRequest {
    #[prost(bytes = "vec", tag = "1")]
    key: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    range_end: Vec<u8>,
    #[prost(int64, tag = "3")]
    limit: i64,
    #[prost(int64, tag = "4")]
    revision: i64,
    #[prost(bool, tag = "9")]
    count_only: bool,
}

#[derive(Clone, PartialEq, Message)]
struct RangeResponse {
    #[prost(message, optional, tag = "1")]
    header: Option<Header>,
    #[prost(message, repeated, tag = "2")]
    kvs: Vec<KeyValue>,
    #[prost(bool, tag = "3")]
    more: bool,
    #[prost(int64, tag = "4")]
    count: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Header {
    #[prost(uint64, tag = "1")]
    cluster_id: u64,
    #[prost(int64, tag = "3")]
    revision: i64,
}

#[derive(Clone, PartialEq, Message)]
struct KeyValue {
    #[prost(bytes = "vec", tag = "1")]
    key: Vec<u8>,
    #[prost(int64, tag = "3")]
    mod_revision: i64,
    #[prost(bytes = "vec", tag = "5")]
    value: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct StatusRequest {}

#[derive(Clone, PartialEq, Message)]
struct StatusResponse {
    #[prost(int64, tag = "3")]
    db_size: i64,
    #[prost(int64, tag = "9")]
    db_size_in_use: i64,
    #[prost(int64, tag = "12")]
    db_size_quota: i64,
}

/// What etcd allows unless it is told otherwise; etcd before 3.6 does not say.
const DEFAULT_QUOTA: u64 = 2 << 30;

impl Etcd {
    /// Connects to the first endpoint that answers.
    ///
    /// # Errors
    /// For files that cannot be read, and when no endpoint answers.
    pub async fn connect(options: &Options) -> Result<Self, Failure> {
        let tls = tls::tls(options)?;
        let mut words = "no endpoint of etcd was named".to_owned();
        for endpoint in &options.endpoints {
            match dial(endpoint, tls.clone()).await {
                Ok(channel) => {
                    let etcd = Self {
                        channel,
                        revision: 0,
                        fill: i64::MAX,
                    };
                    match etcd.range(b"\0", b"\0", 1, 0).await {
                        Ok(_) => return Ok(etcd),
                        Err(status) => words = format!("{endpoint}: {}", told(&status)),
                    }
                }
                Err(Dial::Usage(line)) => return Err(Failure::usage(line)),
                Err(Dial::Lost(line)) => words = line,
            }
        }
        Err(Failure::unreachable(format!(
            "etcd cannot be read: {words}"
        )))
    }

    async fn call<Q, A>(&self, path: &'static str, request: Q) -> Result<A, tonic::Status>
    where
        Q: Message + Default + Clone + Send + Sync + 'static,
        A: Message + Default + Send + Sync + 'static,
    {
        let mut tries = 0;
        loop {
            tries += 1;
            let mut grpc = tonic::client::Grpc::new(self.channel.clone())
                .max_decoding_message_size(MAX_ANSWER);
            let answer = async {
                let lost = |_| tonic::Status::unavailable("not connected");
                grpc.ready().await.map_err(lost)?;
                let codec = ProstCodec::<Q, A>::default();
                let path = PathAndQuery::from_static(path);
                grpc.unary(Request::new(request.clone()), path, codec).await
            };
            let late = |_| tonic::Status::deadline_exceeded("no answer in time");
            let answer = tokio::time::timeout(TIMEOUT, answer).await.map_err(late);
            match answer.and_then(|answer| answer) {
                Ok(answer) => return Ok(answer.into_inner()),
                Err(status) if transient(&status) && tries < TRIES => {
                    tokio::time::sleep(Duration::from_millis(200 << tries)).await;
                }
                Err(status) => return Err(status),
            }
        }
    }

    async fn range(
        &self,
        from: &[u8],
        end: &[u8],
        limit: i64,
        revision: i64,
    ) -> Result<RangeResponse, tonic::Status> {
        let request = RangeRequest {
            key: from.to_vec(),
            range_end: end.to_vec(),
            limit,
            revision,
            count_only: false,
        };
        self.call("/etcdserverpb.KV/Range", request).await
    }

    /// Reads one page of a folder, from behind `after`: at most so many objects, fewer where they
    /// are large; an empty page is the end. All pages show the moment of the first, unless etcd
    /// has compacted that away.
    ///
    /// # Errors
    /// When etcd refuses, or does not answer after several tries.
    pub async fn page(
        &mut self,
        folder: &str,
        after: Option<&[u8]>,
        most: i64,
    ) -> Result<Page, Failure> {
        let mut from = after.map_or_else(|| folder.as_bytes().to_vec(), <[u8]>::to_vec);
        if after.is_some() {
            from.push(0);
        }
        // The key behind all that begin with the folder: its last byte is a slash.
        let mut end = folder.as_bytes().to_vec();
        if let Some(last) = end.last_mut() {
            *last += 1;
        }
        let mut limit = most.min(self.fill);
        loop {
            match self.range(&from, &end, limit, self.revision).await {
                Ok(answer) => {
                    let revision = answer.header.map_or(0, |header| header.revision);
                    if self.revision == 0 {
                        self.revision = revision;
                    }
                    let remaining = u64::try_from(answer.count).unwrap_or(0);
                    self.fill = fill(&answer.kvs);
                    let entries = answer.kvs.into_iter().map(|kv| Entry {
                        key: kv.key,
                        value: Zeroizing::new(kv.value),
                        mod_revision: kv.mod_revision,
                    });
                    return Ok(Page {
                        entries: entries.collect(),
                        remaining,
                    });
                }
                Err(status) if too_large(&status) && limit > 1 => limit = (limit / 4).max(1),
                Err(status) if compacted(&status) && self.revision != 0 => self.revision = 0,
                Err(status) => {
                    let line = format!("etcd: {}", told(&status));
                    return Err(Failure::unreachable(line));
                }
            }
        }
    }

    /// Who wrote one Secret; none when it is not there.
    ///
    /// # Errors
    /// When etcd does not answer.
    pub async fn writer_of(
        &self,
        prefix: &str,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Writer>, Failure> {
        let key = format!("{}{namespace}/{name}", etcd_folder(prefix, "secrets"));
        let answer = self.range(key.as_bytes(), &[], 1, 0).await;
        let answer =
            answer.map_err(|status| Failure::unreachable(format!("etcd: {}", told(&status))))?;
        let value = answer
            .kvs
            .into_iter()
            .next()
            .map(|kv| Zeroizing::new(kv.value));
        Ok(value.and_then(|value| Stored::read(&value).writer()))
    }

    /// When `kube-system` was last written, as far as this etcd has it under the prefix.
    pub(crate) async fn kube_system(&self, prefix: &str) -> Result<Option<i64>, Failure> {
        let key = format!("{}kube-system", etcd_folder(prefix, "namespaces"));
        let answer = self.range(key.as_bytes(), &[], 1, 0).await;
        let answer =
            answer.map_err(|status| Failure::unreachable(format!("etcd: {}", told(&status))))?;
        Ok(answer.kvs.first().map(|kv| kv.mod_revision))
    }

    /// Lets the next page show the present.
    pub fn refresh(&mut self) {
        self.revision = 0;
    }

    /// How full the member is that answers.
    ///
    /// # Errors
    /// When etcd does not answer.
    pub async fn room(&self) -> Result<Room, Failure> {
        let answer: StatusResponse = self
            .call("/etcdserverpb.Maintenance/Status", StatusRequest {})
            .await
            .map_err(|status| Failure::unreachable(format!("etcd: {}", told(&status))))?;
        let used = match answer.db_size_in_use {
            0 => answer.db_size,
            used => used,
        };
        let quota = u64::try_from(answer.db_size_quota).unwrap_or(0);
        Ok(Room {
            used: u64::try_from(used).unwrap_or(0),
            quota: if quota == 0 { DEFAULT_QUOTA } else { quota },
        })
    }
}

/// Objects in order of their keys.
#[derive(Debug)]
pub struct Page {
    /// The objects.
    pub entries: Vec<Entry>,
    /// Objects of the folder from this page on.
    pub remaining: u64,
}

/// Objects like these that fill a page.
fn fill(kvs: &[KeyValue]) -> i64 {
    let bytes: usize = kvs.iter().map(|kv| kv.value.len()).sum();
    match PAGE_BYTES.saturating_mul(kvs.len()).checked_div(bytes) {
        Some(fill) => i64::try_from(fill).unwrap_or(i64::MAX).max(1),
        None => i64::MAX,
    }
}

fn transient(status: &tonic::Status) -> bool {
    matches!(status.code(), Code::Unavailable | Code::DeadlineExceeded)
}

fn too_large(status: &tonic::Status) -> bool {
    matches!(status.code(), Code::OutOfRange | Code::ResourceExhausted) && !compacted(status)
}

fn compacted(status: &tonic::Status) -> bool {
    status.message().contains("compacted") || status.message().contains("future revision")
}

fn told(status: &tonic::Status) -> String {
    let words: String = status.message().chars().take(200).collect();
    format!("{:?}: {words}", status.code())
}

enum Dial {
    Usage(String),
    Lost(String),
}

async fn dial(endpoint: &str, tls: Option<ClientTlsConfig>) -> Result<Channel, Dial> {
    let usage = |error: tonic::transport::Error| {
        Dial::Usage(format!("etcd endpoint {endpoint}: {}", chain(&error)))
    };
    let mut target = Endpoint::from_shared(endpoint.to_owned()).map_err(usage)?;
    match endpoint.split_once("://").map(|(scheme, _)| scheme) {
        Some("https") => {
            target = target.tls_config(tls.unwrap_or_default()).map_err(usage)?;
        }
        Some("http") if tls.is_none() => {}
        Some("http") => {
            let line = format!("etcd endpoint {endpoint}: certificates need https");
            return Err(Dial::Usage(line));
        }
        _ => {
            let line = format!("etcd endpoint {endpoint}: use https://HOST:PORT");
            return Err(Dial::Usage(line));
        }
    }
    target
        .connect_timeout(Duration::from_secs(5))
        .connect()
        .await
        .map_err(|error| Dial::Lost(format!("{endpoint}: {}", chain(&error))))
}
