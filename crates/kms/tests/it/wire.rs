//! Shell. The protocol over a real socket: messages, codes, users, and old API servers.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use hyper_util::rt::TokioIo;
use tidegate_contract::WrapFault;
use tidegate_kms::proto::{
    DecryptRequest, DecryptResponse, EncryptRequest, EncryptResponse, StatusRequest, StatusResponse,
};
use tidegate_kms::{Socket, server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio_util::sync::CancellationToken;
use tonic::client::Grpc;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};
use tonic_prost::ProstCodec;

use crate::scripted::{Scripted, service};

struct Served {
    path: PathBuf,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<std::io::Result<()>>,
    _folder: tempfile::TempDir,
}

/// Serves a proven key service; `own` lets this process's user in.
async fn serve(scripted: &Arc<Scripted>, own: bool) -> Served {
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
    let path = folder.path().join("kms.sock");
    let (socket, listener) = Socket::bind(&path, 0o600).unwrap();
    let service = service(&[scripted], |_| {});
    service.look().await;
    let own_uid = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(&path).unwrap());
    let uids = if own {
        vec![own_uid]
    } else {
        vec![own_uid + 1]
    };
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    let task = tokio::spawn(async move {
        let path = socket.path().to_owned();
        let served = server::serve(service, listener, &path, &uids, stopped).await;
        drop(socket);
        served
    });
    Served {
        path,
        stop,
        task,
        _folder: folder,
    }
}

async fn connect(path: &std::path::Path) -> Channel {
    let path = path.to_owned();
    let connect = tower::service_fn(move |_| {
        let path = path.clone();
        async move { UnixStream::connect(path).await.map(TokioIo::new) }
    });
    // As API servers from 1.32 on.
    let endpoint = Endpoint::from_static("http://localhost");
    endpoint.connect_with_connector(connect).await.unwrap()
}

async fn call<I, O>(channel: &Channel, method: &str, message: I) -> Result<O, Status>
where
    I: prost::Message + Default + Send + Sync + 'static,
    O: prost::Message + Default + Send + Sync + 'static,
{
    let mut grpc = Grpc::new(channel.clone());
    grpc.ready().await.unwrap();
    let path = format!("/v2.KeyManagementService/{method}")
        .parse()
        .unwrap();
    let codec = ProstCodec::<I, O>::default();
    let answer = grpc.unary(Request::new(message), path, codec).await?;
    Ok(answer.into_inner())
}

fn encrypt(bytes: usize) -> EncryptRequest {
    EncryptRequest {
        plaintext: vec![7; bytes],
        uid: "u".to_owned(),
    }
}

#[tokio::test]
async fn the_three_calls_go_there_and_back() {
    let scripted = Scripted::new();
    let served = serve(&scripted, true).await;
    let channel = connect(&served.path).await;
    let status: StatusResponse = call(&channel, "Status", StatusRequest {}).await.unwrap();
    assert_eq!(
        (status.version.as_str(), status.healthz.as_str()),
        ("v2", "ok")
    );
    let wrapped: EncryptResponse = call(&channel, "Encrypt", encrypt(32)).await.unwrap();
    assert_eq!(wrapped.key_id, status.key_id);
    let stored = DecryptRequest {
        ciphertext: wrapped.ciphertext.clone(),
        uid: "u".to_owned(),
        key_id: wrapped.key_id.clone(),
        annotations: wrapped.annotations.clone(),
    };
    let opened: DecryptResponse = call(&channel, "Decrypt", stored.clone()).await.unwrap();
    assert_eq!(opened.plaintext, [7; 32]);
    let mut changed = stored.clone();
    changed.ciphertext[0] ^= 1;
    let refused = call::<_, DecryptResponse>(&channel, "Decrypt", changed).await;
    assert_eq!(refused.unwrap_err().code(), Code::DataLoss);
    let mut foreign = stored;
    foreign.annotations.clear();
    foreign.key_id = "x".to_owned();
    let refused = call::<_, DecryptResponse>(&channel, "Decrypt", foreign)
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    scripted.set(|script| script.fault = Some(WrapFault::Denied));
    let refused = call::<_, EncryptResponse>(&channel, "Encrypt", encrypt(32)).await;
    assert_eq!(refused.unwrap_err().code(), Code::PermissionDenied);
}

#[tokio::test]
async fn odd_requests_are_refused_with_a_code() {
    let served = serve(&Scripted::new(), true).await;
    let channel = connect(&served.path).await;
    let code = async |method: &str, bytes: usize| {
        let answer = call::<_, EncryptResponse>(&channel, method, encrypt(bytes)).await;
        answer.unwrap_err().code()
    };
    assert_eq!(code("Rotate", 1).await, Code::Unimplemented);
    assert_eq!(code("Encrypt", 0).await, Code::InvalidArgument);
    assert_eq!(code("Encrypt", 1025).await, Code::InvalidArgument);
    assert_eq!(code("Encrypt", 128 << 10).await, Code::OutOfRange);
    let status: StatusResponse = call(&channel, "Status", StatusRequest {}).await.unwrap();
    assert_eq!(status.healthz, "ok", "the connection bears it");
}

#[tokio::test]
async fn two_hundred_decrypts_at_once_are_answered() {
    let served = serve(&Scripted::new(), true).await;
    let channel = connect(&served.path).await;
    let wrapped: EncryptResponse = call(&channel, "Encrypt", encrypt(32)).await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..200u8 {
        let mut stored = DecryptRequest {
            ciphertext: wrapped.ciphertext.clone(),
            uid: String::new(),
            key_id: wrapped.key_id.clone(),
            annotations: wrapped.annotations.clone(),
        };
        stored.annotations.insert("x.y".to_owned(), vec![number]);
        let channel = channel.clone();
        tasks.spawn(async move { call::<_, DecryptResponse>(&channel, "Decrypt", stored).await });
    }
    let mut opened = 0;
    while let Some(answer) = tasks.join_next().await {
        assert_eq!(answer.unwrap().unwrap().plaintext, [7; 32]);
        opened += 1;
    }
    assert_eq!(opened, 200);
}

#[tokio::test]
async fn processes_of_other_users_are_cut_off() {
    let served = serve(&Scripted::new(), false).await;
    let mut stream = UnixStream::connect(&served.path).await.unwrap();
    let mut answer = Vec::new();
    // Not a byte comes back, whether the other side closes or resets.
    let _ = stream.read_to_end(&mut answer).await;
    assert!(answer.is_empty());
}

#[tokio::test]
async fn at_the_end_the_socket_goes_and_calls_in_flight_are_answered() {
    let scripted = Scripted::new();
    let served = serve(&scripted, true).await;
    let channel = connect(&served.path).await;
    scripted.set(|script| script.takes = std::time::Duration::from_millis(300));
    let slow = channel.clone();
    let slow =
        tokio::spawn(
            async move { call::<_, EncryptResponse>(&slow, "Encrypt", encrypt(32)).await },
        );
    while scripted.calls().0 < 2 {
        tokio::task::yield_now().await;
    }
    served.stop.cancel();
    slow.await.unwrap().unwrap();
    served.task.await.unwrap().unwrap();
    assert!(!served.path.exists());
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Speaks as API servers 1.27 to 1.31 do: it waits for the server's first frame, then sends its
/// socket's path as `:authority`.
#[tokio::test]
async fn an_old_api_server_is_told_what_to_do_in_one_line() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let served = serve(&Scripted::new(), true).await;
    let mut stream = UnixStream::connect(&served.path).await.unwrap();
    let mut hello = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    hello.extend([0, 0, 0, 4, 0, 0, 0, 0, 0]);
    stream.write_all(&hello).await.unwrap();
    let mut first = [0; 9];
    stream.read_exact(&mut first).await.unwrap();
    assert_eq!(
        first[3], 4,
        "the server's settings come before our first request"
    );
    let path = served.path.display().to_string();
    let escaped = path.replace('/', "%2F");
    let mut block = vec![0x83, 0x86, 0x41];
    block.push(u8::try_from(escaped.len()).unwrap());
    block.extend_from_slice(escaped.as_bytes());
    block.extend_from_slice(b"\x44\x1f/v2.KeyManagementService/Status");
    let length = u8::try_from(block.len()).unwrap();
    let mut headers = vec![0, 0, length, 1, 5, 0, 0, 0, 1];
    headers.extend(block);
    stream.write_all(&headers).await.unwrap();
    // The library resets the stream or ends the connection; either comes after the advice.
    let mut sort = 4;
    while sort != 3 && sort != 7 {
        let mut header = [0; 9];
        if stream.read_exact(&mut header).await.is_err() {
            break;
        }
        let length = u32::from_be_bytes([0, header[0], header[1], header[2]]);
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        stream.read_exact(&mut payload).await.unwrap();
        sort = header[3];
    }
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let lines: Vec<_> = log
        .lines()
        .filter(|line| line.contains(":authority"))
        .collect();
    assert_eq!(lines.len(), 1, "{log}");
    assert!(
        lines[0].contains("/@kms.sock") && lines[0].contains("1.32"),
        "{}",
        lines[0]
    );
}
