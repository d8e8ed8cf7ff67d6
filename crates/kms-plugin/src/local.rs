//! Shell. A key service of key files.

use std::sync::Arc;

use tidegate_kms::{Endpoint, LocalKeys};

use crate::config::Local;

pub(crate) fn endpoint(local: &Local) -> Endpoint {
    Endpoint {
        name: "files".to_owned(),
        wrapper: Arc::new(LocalKeys::new(&local.folder, &local.key)),
    }
}
