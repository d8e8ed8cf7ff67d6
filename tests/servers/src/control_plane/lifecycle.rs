//! Shell. Starts, stops and breaks the processes of a control plane.

use std::path::Path;
use std::sync::PoisonError;

use super::{ADMIN, CONTROLLER_MANAGER, ControlPlane, flags};
use crate::ensure;
use crate::error::ServerError;
use crate::http::Http;
use crate::process::Process;

impl ControlPlane {
    pub(super) async fn start_etcd(&self, program: &Path) -> Result<(), ServerError> {
        let data = self.scratch.data("etcd");
        let ports = flags::EtcdPorts {
            plain: self.ports.etcd.number(),
            tls: self.ports.etcd_tls.number(),
            peer: self.ports.etcd_peer.number(),
        };
        let args = flags::etcd(&data, self.files.dir(), &ports);
        let mut etcd = Process::start("etcd", &self.scratch, program, &args)?;
        let http = Http::new(&self.etcd_endpoint(), None)?;
        let healthy = async || matches!(http.get("/health").await, Ok(a) if a.status == 200);
        etcd.ready(&self.scratch, healthy).await?;
        *self.etcd.lock().await = Some(etcd);
        Ok(())
    }

    /// Starts a stopped or killed API server on the same port with the same data.
    ///
    /// # Errors
    /// As [`ControlPlane::start`], and [`ServerError::Usage`] when it already runs.
    pub async fn start_apiserver(&self) -> Result<(), ServerError> {
        // A test's first object usually goes into `default`, which is made after readiness.
        self.start_apiserver_until(&["/readyz", "/api/v1/namespaces/default"])
            .await
    }

    /// As [`ControlPlane::start_apiserver`], for a server that cannot be ready: it has started
    /// once all these paths answer 200.
    ///
    /// # Errors
    /// As [`ControlPlane::start`].
    pub async fn start_apiserver_until(&self, paths: &[&str]) -> Result<(), ServerError> {
        let program = ensure("kube-apiserver").await?;
        let mut slot = self.apiserver.lock().await;
        if slot.is_some() {
            return Err(ServerError::Usage("kube-apiserver already runs".to_owned()));
        }
        let extra = self
            .extra
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let args = flags::apiserver(&flags::Apiserver {
            url: self.url(),
            port: self.ports.apiserver.number(),
            etcd: &self.etcd_endpoint(),
            files: self.files.dir(),
            audit_log: self.audit.path(),
            extra: &extra,
        });
        let mut apiserver = Process::start("kube-apiserver", &self.scratch, &program, &args)?;
        let api = self.api(ADMIN)?;
        let ready = async || {
            for path in paths {
                if !matches!(api.get(path).await, Ok(answer) if answer.status == 200) {
                    return false;
                }
            }
            true
        };
        apiserver.ready(&self.scratch, ready).await?;
        *slot = Some(apiserver);
        Ok(())
    }

    /// Ends the API server in an orderly way and starts it again: same port, data and tokens.
    ///
    /// # Errors
    /// As [`ControlPlane::start`].
    pub async fn restart_apiserver(&self) -> Result<(), ServerError> {
        self.stop_apiserver().await?;
        self.start_apiserver().await
    }

    /// As [`ControlPlane::restart_apiserver`], with other extra flags from now on.
    ///
    /// # Errors
    /// As [`ControlPlane::start`].
    pub async fn restart_apiserver_with(&self, extra: Vec<String>) -> Result<(), ServerError> {
        *self.extra.lock().unwrap_or_else(PoisonError::into_inner) = extra;
        self.restart_apiserver().await
    }

    /// Ends the API server in an orderly way; nothing happens when it is down.
    ///
    /// # Errors
    /// When it cannot be signalled.
    pub async fn stop_apiserver(&self) -> Result<(), ServerError> {
        match self.apiserver.lock().await.take() {
            Some(process) => process.stop().await,
            None => Ok(()),
        }
    }

    /// Kills the API server, as a crash would; nothing happens when it is down.
    ///
    /// # Errors
    /// When the harness's runtime is gone.
    pub async fn kill_apiserver(&self) -> Result<(), ServerError> {
        match self.apiserver.lock().await.take() {
            Some(process) => process.kill().await,
            None => Ok(()),
        }
    }

    /// Freezes the API server: connections stay open, nothing is answered.
    ///
    /// # Errors
    /// [`ServerError::Usage`] when it is down.
    pub async fn pause_apiserver(&self) -> Result<(), ServerError> {
        self.apiserver
            .lock()
            .await
            .as_ref()
            .ok_or_else(down)?
            .pause()
            .await
    }

    /// Lets a frozen API server go on.
    ///
    /// # Errors
    /// [`ServerError::Usage`] when it is down.
    pub async fn resume_apiserver(&self) -> Result<(), ServerError> {
        self.apiserver
            .lock()
            .await
            .as_ref()
            .ok_or_else(down)?
            .resume()
    }

    /// Starts kube-controller-manager, unless it runs or the options name no controller.
    ///
    /// The garbage collector looks for new resource types every 30 s: start it after the custom
    /// resource definitions whose objects own others (see
    /// [`ControlPlane::restart_controller_manager`]), and it knows them at once.
    ///
    /// # Errors
    /// As [`ControlPlane::start`].
    pub async fn start_controller_manager(&self) -> Result<(), ServerError> {
        let mut slot = self.controller_manager.lock().await;
        if slot.is_some() || self.controllers.is_empty() {
            return Ok(());
        }
        let program = ensure("kube-controller-manager").await?;
        let kubeconfig = self.kubeconfig_path(CONTROLLER_MANAGER)?;
        let args = flags::controller_manager(&kubeconfig, &self.controllers);
        let mut manager =
            Process::start("kube-controller-manager", &self.scratch, &program, &args)?;
        let api = self.api(ADMIN)?;
        let accounts = self
            .controllers
            .iter()
            .any(|name| name == "serviceaccount-controller");
        let path = "/api/v1/namespaces/default/serviceaccounts/default";
        let works = async || !accounts || matches!(api.get(path).await, Ok(a) if a.status == 200);
        manager.ready(&self.scratch, works).await?;
        *slot = Some(manager);
        Ok(())
    }

    /// Kills and starts kube-controller-manager, so that it knows every resource type there is.
    ///
    /// # Errors
    /// As [`ControlPlane::start`].
    pub async fn restart_controller_manager(&self) -> Result<(), ServerError> {
        if let Some(process) = self.controller_manager.lock().await.take() {
            process.kill().await?;
        }
        self.start_controller_manager().await
    }

    /// Kills everything at once; [`ControlPlane`] can then only be dropped.
    ///
    /// # Errors
    /// When the harness's runtime is gone.
    pub async fn kill(&self) -> Result<(), ServerError> {
        for slot in [&self.controller_manager, &self.apiserver, &self.etcd] {
            if let Some(process) = slot.lock().await.take() {
                process.kill().await?;
            }
        }
        Ok(())
    }

    /// Process ids of the running servers, by name, for measuring their memory.
    pub async fn pids(&self) -> Vec<(&'static str, u32)> {
        let mut pids = Vec::new();
        for slot in [&self.etcd, &self.apiserver, &self.controller_manager] {
            pids.extend(
                slot.lock()
                    .await
                    .as_ref()
                    .map(|one| (one.name(), one.pid())),
            );
        }
        pids
    }
}

fn down() -> ServerError {
    ServerError::Usage("kube-apiserver is down".to_owned())
}
