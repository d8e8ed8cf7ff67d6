//! Shell. A fake: an HTTP server on loopback that is no Vault, for answers no real one gives.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Largest request that it reads.
const MAX_REQUEST: usize = 64 << 10;

/// One request as it came in.
#[derive(Debug, Clone, Default)]
pub(crate) struct Received {
    /// Method and target, such as `GET /v1/kv/data/a`.
    pub(crate) line: String,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut all = self.headers.iter();
        all.find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

/// What it answers: the bytes on the wire, and what it does then.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) bytes: Vec<u8>,
    then: Then,
}

#[derive(Debug, Clone, Copy)]
enum Then {
    TakeTheNext,
    HangUp,
    KeepSilent,
}

impl Reply {
    pub(crate) fn new(status: u16, headers: &[(&str, &str)], body: &str) -> Self {
        let mut text = format!(
            "HTTP/1.1 {status} Status\r\ncontent-length: {}\r\n",
            body.len()
        );
        for (name, value) in headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        Self {
            then: Then::TakeTheNext,
            ..Self::raw(&format!("{text}\r\n{body}"))
        }
    }

    pub(crate) fn json(status: u16, body: &str) -> Self {
        Self::new(status, &[("content-type", "application/json")], body)
    }

    /// These bytes, and then it hangs up.
    pub(crate) fn raw(text: &str) -> Self {
        Self {
            bytes: text.as_bytes().to_vec(),
            then: Then::HangUp,
        }
    }

    pub(crate) fn silent(self) -> Self {
        Self {
            then: Then::KeepSilent,
            ..self
        }
    }
}

/// The server; it ends when it is dropped.
pub(crate) struct Loopback {
    pub(crate) addr: String,
    _serving: JoinSet<()>,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Loopback {
    pub(crate) async fn start(answer: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = format!("http://{}", listener.local_addr().unwrap());
        let received = Arc::new(Mutex::new(Vec::new()));
        let (log, answer) = (Arc::clone(&received), Arc::new(answer));
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, Arc::clone(&log), Arc::clone(&answer)));
            }
        });
        Self {
            addr,
            _serving: serving,
            received,
        }
    }

    /// Answers every request alike.
    pub(crate) async fn always(reply: Reply) -> Self {
        Self::start(move |_| reply.clone()).await
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }
}

async fn serve<F: Fn(&Received) -> Reply + Send + Sync>(
    mut stream: TcpStream,
    log: Arc<Mutex<Vec<Received>>>,
    answer: Arc<F>,
) {
    while let Some(request) = receive(&mut stream).await {
        let reply = answer(&request);
        log.lock().unwrap().push(request);
        if stream.write_all(&reply.bytes).await.is_err() {
            return;
        }
        match reply.then {
            Then::TakeTheNext => {}
            Then::HangUp => return,
            Then::KeepSilent => std::future::pending().await,
        }
    }
}

async fn receive(stream: &mut TcpStream) -> Option<Received> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let request = parse(head, body);
            let length = request
                .header("content-length")
                .map_or(0, |it| it.parse().unwrap());
            if body.len() >= length {
                return Some(request);
            }
        }
        if bytes.len() > MAX_REQUEST || stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}

fn parse(head: &str, body: &str) -> Received {
    let mut lines = head.lines();
    let line = lines.next().unwrap_or_default();
    let headers = lines.filter_map(|line| line.split_once(": "));
    Received {
        line: line.trim_end_matches(" HTTP/1.1").to_owned(),
        headers: headers
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect(),
        body: body.to_owned(),
    }
}
