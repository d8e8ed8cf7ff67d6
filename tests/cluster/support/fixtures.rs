//! Shell. How one test body becomes a test on each API server, and where only one will do.

/// Makes each body a test on the real API server and one on kubebox.
macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {
        mod real {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(crate::support::Fixture::Real).await;
            })+
        }

        mod boxed {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(crate::support::Fixture::Boxed).await;
            })+
        }
    };
}

/// Makes a body a test on the real API server alone, for a difference that the table names.
macro_rules! on_real {
    ($difference:ident: $($name:ident),+ $(,)?) => {
        mod real_alone {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let why = crate::support::fixtures::Difference::$difference.why();
                eprintln!("{} on the real API server alone: {why}", stringify!($name));
                super::$name(crate::support::Fixture::Real).await;
            })+
        }
    };
}

/// What kubebox does not serve as the real API server does, as far as the controller's tests go.
/// `on_real!` names the bodies, and each of them prints the reason when it runs.
#[derive(Debug, Clone, Copy)]
pub enum Difference {
    /// Pods, admission by Pod Security, and the kinds of `manifests/install`.
    Workloads,
    /// Service account tokens that Vault accepts.
    TokenKeys,
    /// A name for each client in the log of requests.
    OneUser,
}

impl Difference {
    /// Why a body runs on the real API server alone.
    pub fn why(self) -> &'static str {
        match self {
            Self::Workloads => {
                "kubebox serves no RBAC, Deployments, NetworkPolicies, pods or admission"
            }
            Self::OneUser => {
                "kubebox knows one user, so two processes look alike; tests/it/lease.rs holds the \
                 same of it by names"
            }
            Self::TokenKeys => {
                "kubebox signs with HS256 and publishes no key (its token-signature); Vault takes \
                 neither such a token nor a review of it"
            }
        }
    }
}
