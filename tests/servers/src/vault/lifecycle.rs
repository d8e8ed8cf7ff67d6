//! Shell. Outages of a Vault: down and up, frozen, sealed.

use serde_json::json;

use super::Vault;
use crate::ensure;
use crate::error::ServerError;
use crate::process::Process;

impl Vault {
    /// Starts the process and waits until it answers, sealed or not.
    pub(super) async fn run(&self) -> Result<(), ServerError> {
        let program = ensure("vault").await?;
        let mut slot = self.process.lock().await;
        if slot.is_some() {
            return Err(ServerError::Usage("vault already runs".to_owned()));
        }
        let config = self.scratch.data("config.json");
        let args = ["server".to_owned(), format!("-config={}", config.display())];
        let mut process = Process::start("vault", &self.scratch, &program, &args)?;
        process
            .ready(&self.scratch, async || {
                self.http.get("/v1/sys/health").await.is_ok()
            })
            .await?;
        *slot = Some(process);
        Ok(())
    }

    /// Ends the process: connections are refused. Data stays.
    ///
    /// # Errors
    /// When it cannot be signalled.
    pub async fn down(&self) -> Result<(), ServerError> {
        match self.process.lock().await.take() {
            Some(process) => process.stop().await,
            None => Ok(()),
        }
    }

    /// Kills the process, as a crash would. Data stays.
    ///
    /// # Errors
    /// When the harness's runtime is gone.
    pub async fn kill(&self) -> Result<(), ServerError> {
        match self.process.lock().await.take() {
            Some(process) => process.kill().await,
            None => Ok(()),
        }
    }

    /// Starts it again on the same port with the same data, and unseals it. Tokens stay valid.
    ///
    /// # Errors
    /// As [`Vault::start`].
    pub async fn up(&self) -> Result<(), ServerError> {
        self.run().await?;
        self.unseal().await
    }

    /// Freezes the process: connections stay open, nothing is answered.
    ///
    /// # Errors
    /// [`ServerError::Usage`] when it is down.
    pub async fn pause(&self) -> Result<(), ServerError> {
        self.process
            .lock()
            .await
            .as_ref()
            .ok_or_else(down)?
            .pause()
            .await
    }

    /// Lets a frozen process go on.
    ///
    /// # Errors
    /// [`ServerError::Usage`] when it is down.
    pub async fn resume(&self) -> Result<(), ServerError> {
        self.process
            .lock()
            .await
            .as_ref()
            .ok_or_else(down)?
            .resume()
    }

    /// Seals it: every request is answered with 503.
    ///
    /// # Errors
    /// [`ServerError::Answer`] when Vault refuses.
    pub async fn seal(&self) -> Result<(), ServerError> {
        self.api(Some(&self.root_token))
            .put("/v1/sys/seal", &json!({}))
            .await?
            .ok()
            .map(drop)
    }

    /// Unseals it and waits until it serves.
    ///
    /// # Errors
    /// [`ServerError::Answer`] when Vault refuses the key.
    pub async fn unseal(&self) -> Result<(), ServerError> {
        self.http
            .put("/v1/sys/unseal", &json!({ "key": self.unseal_key }))
            .await?
            .ok()?;
        let mut slot = self.process.lock().await;
        let process = slot.as_mut().ok_or_else(down)?;
        let serves =
            async || matches!(self.http.get("/v1/sys/health").await, Ok(a) if a.status == 200);
        process.ready(&self.scratch, serves).await
    }

    /// Process id, while it runs.
    pub async fn pid(&self) -> Option<u32> {
        self.process.lock().await.as_ref().map(Process::pid)
    }
}

fn down() -> ServerError {
    ServerError::Usage("vault is down".to_owned())
}
