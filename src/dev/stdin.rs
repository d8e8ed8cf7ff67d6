//! Shell. Standard input, read once as if it were a file.

use std::io::Read;

use super::files::plain;

/// Bytes, at most.
const MAX: u64 = 16 * 1024 * 1024;

/// All of standard input, as text.
///
/// # Errors
/// One sentence, when it cannot be read, is no text or too long.
pub async fn text() -> Result<String, String> {
    let read = tokio::task::spawn_blocking(|| {
        let mut text = String::new();
        let result = std::io::stdin().take(MAX + 1).read_to_string(&mut text);
        result.map(|_| text)
    });
    let what = match read.await {
        Ok(Ok(text)) if text.len() as u64 <= MAX => return Ok(text),
        Ok(Ok(_)) => format!("over {} MiB", MAX >> 20),
        Ok(Err(error)) => plain(&error),
        Err(_) => "not read".to_owned(),
    };
    Err(format!("standard input: {what}"))
}
