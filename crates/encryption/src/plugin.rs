//! Shell. Asks KMS v2 plugins at the sockets of a configuration to unwrap seeds, as API servers do.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use prost::Message;
use tokio::net::UnixStream;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};
use tonic_prost::ProstCodec;
use zeroize::Zeroizing;

use crate::config::{Configuration, Provider};
use crate::error::Failure;
use crate::etcd::Entry;
use crate::seeds::Seeds;
use crate::stored::Sealed;

/// The longest that connecting and one call may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The plugins of a configuration, by provider; connected to when they are needed.
#[derive(Debug, Default)]
pub(crate) struct Plugins {
    sockets: BTreeMap<String, PathBuf>,
    channels: HashMap<String, Channel>,
}

// `tidegate-kms` has these two messages as well, but it is the plugin's server: for the sake of six
// fields this crate would take on its arena, its metrics and its HTTP.
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
struct DecryptRequest {
    #[prost(bytes = "vec", tag = "1")]
    ciphertext: Vec<u8>,
    #[prost(string, tag = "2")]
    uid: String,
    #[prost(string, tag = "3")]
    key_id: String,
    #[prost(btree_map = "string, bytes", tag = "4")]
    annotations: BTreeMap<String, Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
struct DecryptResponse {
    #[prost(bytes = "vec", tag = "1")]
    plaintext: Vec<u8>,
}

impl Plugins {
    /// The plugins that a configuration names.
    pub(crate) fn of(config: &Configuration) -> Self {
        let providers = config.rules.iter().flat_map(|rule| &rule.providers);
        let sockets = providers.filter_map(|provider| match provider {
            Provider::Kms(kms) if kms.api_version == "v2" => {
                let path = kms.endpoint.strip_prefix("unix://")?;
                Some((kms.name.clone(), PathBuf::from(path)))
            }
            _ => None,
        });
        Self {
            sockets: sockets.collect(),
            channels: HashMap::new(),
        }
    }

    /// Asks for every seed that is not known yet: one call each.
    ///
    /// # Errors
    /// When a plugin cannot be asked: nothing is proven then.
    pub(crate) async fn learn(
        &mut self,
        entries: &[Entry],
        seeds: &mut Seeds,
    ) -> Result<(), Failure> {
        for entry in entries {
            let Some(sealed) = Sealed::read(&entry.value) else {
                continue;
            };
            if self.sockets.contains_key(&sealed.provider) && seeds.lacks(&sealed) {
                let seed = self.unwrap(&sealed).await?;
                seeds.learn(&sealed, seed);
            }
        }
        Ok(())
    }

    async fn unwrap(&mut self, sealed: &Sealed) -> Result<Option<Zeroizing<Vec<u8>>>, Failure> {
        let name = &sealed.provider;
        let lost = |status: &Status| {
            let (code, message) = (status.code(), status.message());
            Failure::unreachable(format!(
                "the plugin of {name} does not unwrap: {code:?}: {message}"
            ))
        };
        let channel = self.channel(name).await.map_err(|status| lost(&status))?;
        let request = DecryptRequest {
            ciphertext: sealed.source.clone(),
            uid: "tidegate-encryption-verify".to_owned(),
            key_id: sealed.key_id.clone(),
            annotations: sealed.annotations.clone(),
        };
        match decrypt(channel, request).await {
            Ok(seed) => Ok(Some(seed)),
            // What it says about this seed; anything else is about the plugin.
            Err(status) => match status.code() {
                Code::DataLoss | Code::InvalidArgument => Ok(None),
                Code::FailedPrecondition | Code::NotFound => Ok(None),
                _ => Err(lost(&status)),
            },
        }
    }

    async fn channel(&mut self, name: &str) -> Result<Channel, Status> {
        if let Some(channel) = self.channels.get(name) {
            return Ok(channel.clone());
        }
        let socket = self.sockets.get(name).cloned().unwrap_or_default();
        let shown = socket.display().to_string();
        let connect = tower::service_fn(move |_| {
            let socket = socket.clone();
            async move { UnixStream::connect(socket).await.map(TokioIo::new) }
        });
        let endpoint = Endpoint::from_static("http://localhost").timeout(PATIENCE);
        let connected = endpoint
            .connect_timeout(PATIENCE)
            .connect_with_connector(connect)
            .await;
        let channel = connected.map_err(|error| {
            let words = crate::error::chain(&error);
            Status::unavailable(format!("{shown}: {words}"))
        })?;
        self.channels.insert(name.to_owned(), channel.clone());
        Ok(channel)
    }
}

async fn decrypt(channel: Channel, request: DecryptRequest) -> Result<Zeroizing<Vec<u8>>, Status> {
    let mut grpc = Grpc::new(channel);
    grpc.ready()
        .await
        .map_err(|_| Status::unavailable("not connected"))?;
    let path = PathAndQuery::from_static("/v2.KeyManagementService/Decrypt");
    let codec = ProstCodec::<DecryptRequest, DecryptResponse>::default();
    let answer = grpc.unary(Request::new(request), path, codec).await?;
    Ok(Zeroizing::new(answer.into_inner().plaintext))
}
