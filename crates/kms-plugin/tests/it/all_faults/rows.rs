//! Pure. The rows of the failure table.

/// What `/readyz/kms-providers` says of the row's provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// Status fails with this code and a text that begins so.
    Fails(&'static str, &'static str),
    /// Status tells the key id, and of its health a text that begins so.
    Unhealthy(&'static str),
    /// Nothing: the key that wraps is well, the failure concerns what is stored.
    Nothing,
}

/// What becomes of writes of a running API server once its seed is older than three minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writes {
    GoOn,
    Stop,
}

/// What an API server can do that starts while the failure lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restarted {
    /// Reads and writes.
    Serves,
    /// Writes, and reads what is new; what was stored before is an error.
    WritesAlone,
    /// Neither: without a seed of its own it does not read either.
    Refuses,
}

/// One failure and what the cluster sees of it.
#[derive(Debug)]
pub struct Row {
    /// Name of the resource, the provider, the key service and its key.
    pub name: &'static str,
    pub told: Told,
    /// A call and the gRPC code of its answer, as an API server counts them.
    pub answers: (&'static str, &'static str),
    pub writes: Writes,
    pub restarted: Restarted,
}

impl Row {
    /// True when the text of readiness has this row's.
    pub fn is_told(&self, readyz: &str) -> bool {
        let name = self.name;
        match self.told {
            Told::Fails(code, text) => readyz.contains(&format!(
                "KMS Provider {name}, error: rpc error: code = {code} desc = {text}"
            )),
            Told::Unhealthy(text) => readyz.contains(&format!(
                "kmsv2 Provider {name} is not healthy, error: got unexpected healthz status: {text}"
            )),
            Told::Nothing => !readyz.contains(&format!("Provider {name}")),
        }
    }

    /// True when an API server's metrics count this row's answer.
    pub fn answered(&self, metrics: &str) -> bool {
        let (method, code) = self.answers;
        metrics.lines().any(|line| {
            line.contains(&format!("provider_name=\"{}\"", self.name))
                && line.contains(&format!("grpc_status_code=\"{code}\""))
                && line.contains(&format!("/{method}\""))
        })
    }
}

type Line = (
    &'static str,
    Told,
    (&'static str, &'static str),
    Writes,
    Restarted,
);

const fn row((name, told, answers, writes, restarted): Line) -> Row {
    Row {
        name,
        told,
        answers,
        writes,
        restarted,
    }
}

/// All rows: the plugin itself; the key service is away, and by policy the cluster goes on or
/// stops; the key service says no; what is stored is not this key's, or is broken.
#[rustfmt::skip]
pub static ROWS: [Row; 15] = {
    use Restarted::{Refuses, Serves, WritesAlone};
    use Told::{Fails, Nothing, Unhealthy};
    use Writes::{GoOn, Stop};
    const LATE: &str = "DeadlineExceeded";
    const AWAY: &str = "Unavailable";
    const NO: &str = "PermissionDenied";
    const GONE: &str = "FailedPrecondition";
    const SEALED: &str = "Vault is sealed";
    const OTHER: &str = "version \"one\" is not the key it was";
    const SLOW: &str = "the key service did not answer in time";
    const PUSHES_BACK: &str = "Vault asks to slow down";
    [
        row(("absent", Fails(LATE, ""), ("Status", LATE), Stop, Refuses)),
        row(("hanging", Fails(LATE, ""), ("Status", LATE), Stop, Refuses)),
        row(("slow", Unhealthy(SLOW), ("Encrypt", AWAY), GoOn, Refuses)),
        row(("cut", Fails(AWAY, ""), ("Status", AWAY), Stop, Refuses)),
        row(("sealed", Fails(AWAY, SEALED), ("Status", AWAY), Stop, Refuses)),
        row(("unhealthy", Unhealthy(SEALED), ("Encrypt", AWAY), GoOn, Refuses)),
        row(("hierarchy", Unhealthy(SEALED), ("Encrypt", "OK"), GoOn, Serves)),
        row(("throttled", Unhealthy(PUSHES_BACK), ("Encrypt", "ResourceExhausted"), GoOn, Refuses)),
        row(("encrypt-denied", Fails(NO, "Vault denies encrypt"), ("Status", NO), Stop, Refuses)),
        row(("decrypt-denied", Fails(NO, "Vault denies decrypt"), ("Status", NO), Stop, Refuses)),
        row(("deleted", Fails(GONE, "Vault has no such"), ("Status", GONE), Stop, Refuses)),
        row(("wrong-key", Fails(GONE, OTHER), ("Status", GONE), Stop, Refuses)),
        row(("disabled", Nothing, ("Decrypt", GONE), GoOn, WritesAlone)),
        row(("corrupted", Nothing, ("Decrypt", "DataLoss"), GoOn, Serves)),
        row(("mid-probe", Nothing, ("Encrypt", "OK"), GoOn, Serves)),
    ]
};
