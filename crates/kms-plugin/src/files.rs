//! Shell. What is made of files, and made anew when one of them changes.

use std::future::Future;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use tokio::sync::Mutex;

/// When files were written, how long they are, and which they are.
type Stamp = Vec<Option<(SystemTime, u64, u64)>>;

/// Something made of files.
pub(crate) struct FromFiles<T> {
    files: Vec<PathBuf>,
    current: Mutex<Option<(Stamp, Arc<T>)>>,
}

impl<T> FromFiles<T> {
    /// Nothing is read yet.
    pub(crate) fn new(files: Vec<PathBuf>) -> Self {
        Self {
            files,
            current: Mutex::default(),
        }
    }

    /// What was made last, or what `make` makes of the files as they are now. Who asks meanwhile
    /// waits and gets the same.
    pub(crate) async fn get<E>(
        &self,
        make: impl Future<Output = Result<T, E>>,
    ) -> Result<Arc<T>, E> {
        let mut current = self.current.lock().await;
        // Before the files are read: what changes in between is seen the next time.
        let stamp = self.stamp().await;
        if let Some((before, made)) = current.as_ref()
            && *before == stamp
        {
            return Ok(Arc::clone(made));
        }
        let made = Arc::new(make.await?);
        *current = Some((stamp, Arc::clone(&made)));
        Ok(made)
    }

    async fn stamp(&self) -> Stamp {
        let mut stamp = Vec::with_capacity(self.files.len());
        for path in &self.files {
            let found = tokio::fs::metadata(path).await.ok();
            stamp.push(found.and_then(|it| Some((it.modified().ok()?, it.len(), it.ino()))));
        }
        stamp
    }
}
