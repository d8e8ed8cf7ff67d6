//! Shell. AWS as moto answers it, with a front that gives the answers moto never gives.

use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::cache::Cache;
use crate::ensure;
use crate::error::ServerError;
use crate::http::{Answer, Http};
use crate::port::Port;
use crate::process::Process;
use crate::scratch::Scratch;

mod front;

pub use front::Front;

/// The region that keys are made in.
const REGION: &str = "eu-central-1";

/// A running moto; it ends when it is dropped or when the process ends. It keeps everything in
/// memory, checks no signature, and takes the region from a request's `Authorization`.
pub struct Moto {
    // The process first: fields drop in this order, and the folder must outlive it.
    process: Mutex<Process>,
    front: Front,
    http: Http,
    _port: Port,
    _scratch: Scratch,
}

impl std::fmt::Debug for Moto {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Moto")
            .field("endpoint", &self.front.endpoint())
            .finish_non_exhaustive()
    }
}

impl Moto {
    /// Installs moto if it is missing, and starts it with its front.
    ///
    /// # Errors
    /// As [`ensure`], and [`ServerError::Start`] with the last lines of its log.
    pub async fn start() -> Result<Self, ServerError> {
        let program = ensure("moto").await?;
        let port = Port::reserve(Cache::of_user()?.root())?;
        let scratch = Scratch::new("moto")?;
        let address = format!("http://127.0.0.1:{}", port.number());
        let http = Http::new(&address, None)?;
        let args = ["-H", "127.0.0.1", "-p", &port.number().to_string()].map(str::to_owned);
        let mut process = Process::start("moto", &scratch, &program, &args)?;
        let answers = async || matches!(http.get("/moto-api/").await, Ok(it) if it.status == 200);
        process.ready(&scratch, answers).await?;
        let moto = Self {
            process: Mutex::new(process),
            front: Front::start(&address).await?,
            http,
            _port: port,
            _scratch: scratch,
        };
        // Each service is loaded at its first request, which takes seconds on a busy machine.
        moto.kms("ListKeys", &json!({})).await?;
        let sts = moto
            .http
            .with_header("Authorization", signed("sts", REGION));
        let asked = "/?Action=GetCallerIdentity&Version=2011-06-15";
        let answer = sts.get(asked).await?;
        answer.ok()?;
        Ok(moto)
    }

    /// The address to give to clients: the front's.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        self.front.endpoint()
    }

    /// The front: what it answered, and what it is to answer.
    #[must_use]
    pub const fn front(&self) -> &Front {
        &self.front
    }

    /// The region of [`Moto::kms`] and of the keys made by it.
    #[must_use]
    pub const fn region(&self) -> &'static str {
        REGION
    }

    /// Calls KMS past the front, in the region given.
    ///
    /// # Errors
    /// [`ServerError::Answer`] when moto refuses.
    pub async fn kms_in(
        &self,
        region: &str,
        action: &str,
        body: &Value,
    ) -> Result<Value, ServerError> {
        let answer: Answer = self
            .http
            .with_header("Authorization", signed("kms", region))
            .post_as(
                "/",
                &[("X-Amz-Target", &format!("TrentService.{action}"))],
                "application/x-amz-json-1.1",
                body,
            )
            .await?;
        answer.ok()
    }

    /// Calls KMS past the front.
    ///
    /// # Errors
    /// [`ServerError::Answer`] when moto refuses.
    pub async fn kms(&self, action: &str, body: &Value) -> Result<Value, ServerError> {
        self.kms_in(REGION, action, body).await
    }

    /// Makes a symmetric key and returns its ARN.
    ///
    /// # Errors
    /// [`ServerError::Answer`] when moto refuses.
    pub async fn key(&self) -> Result<String, ServerError> {
        let made = self.kms("CreateKey", &json!({})).await?;
        let arn = made.pointer("/KeyMetadata/Arn").and_then(Value::as_str);
        arn.map(str::to_owned).ok_or(ServerError::Lacks {
            request: "CreateKey".to_owned(),
            what: "the key's ARN",
        })
    }

    /// Freezes moto: connections stay open, nothing is answered.
    ///
    /// # Errors
    /// When it cannot be signalled.
    pub async fn pause(&self) -> Result<(), ServerError> {
        self.process.lock().await.pause().await
    }

    /// Lets a frozen moto go on.
    ///
    /// # Errors
    /// When it cannot be signalled.
    pub async fn resume(&self) -> Result<(), ServerError> {
        self.process.lock().await.resume()
    }
}

/// What moto takes service and region from; it checks no signature.
fn signed(service: &str, region: &str) -> String {
    let scope = format!("Credential=AKIDEXAMPLE/20260101/{region}/{service}/aws4_request");
    format!("AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0")
}
