//! Shell. A KMS v2 client of one connection, as thin as can be, so that the plugin is measured.

use std::error::Error;
use std::path::Path;

use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use tokio::net::UnixStream;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

#[derive(Clone)]
pub struct Client(SendRequest<Full<Bytes>>);

impl Client {
    pub async fn connect(socket: &Path) -> Outcome<Self> {
        let io = TokioIo::new(UnixStream::connect(socket).await?);
        let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await?;
        tokio::spawn(connection);
        Ok(Self(sender))
    }

    pub async fn call<O: Message + Default>(
        &self,
        method: &str,
        message: &impl Message,
    ) -> Outcome<O> {
        let length = message.encoded_len();
        let mut body = Vec::with_capacity(5 + length);
        body.push(0);
        body.extend(u32::try_from(length)?.to_be_bytes());
        message.encode(&mut body)?;
        let request = Request::post(format!("http://localhost/v2.KeyManagementService/{method}"))
            .header("te", "trailers")
            .header("content-type", "application/grpc")
            .body(Full::new(body.into()))?;
        let mut sender = self.0.clone();
        sender.ready().await?;
        let (parts, body) = sender.send_request(request).await?.into_parts();
        let body = body.collect().await?;
        let trailers = body.trailers().unwrap_or(&parts.headers);
        let code = trailers.get("grpc-status").map(|code| code.as_bytes());
        if code != Some(b"0") {
            return Err(format!("{method} is refused: {trailers:?}").into());
        }
        let bytes = body.to_bytes();
        let message = bytes.get(5..).ok_or("no message")?;
        Ok(O::decode(message)?)
    }
}
