//! Shell. Serves a fresh API on loopback and writes a kubeconfig: `serve PATH`.

use std::io::{self, Write};
use std::path::PathBuf;

use kubebox::{Access, Kubebox, Options, write_kubeconfig};

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let path = std::env::args_os()
        .nth(1)
        .map(PathBuf::from)
        .ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::InvalidInput,
                "usage: serve PATH-OF-KUBECONFIG",
            )
        })?;
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
    let mut seed = [0u8; 24];
    io::Read::read_exact(&mut std::fs::File::open("/dev/urandom")?, &mut seed)?;
    let token: String = seed[8..].iter().map(|b| format!("{b:02x}")).collect();
    let number = seed[..8].iter().fold(0, |all, b| all << 8 | u64::from(*b));
    let access = Access::new(token)?;
    write_kubeconfig(&path, listener.local_addr()?, &access)?;
    writeln!(io::stderr(), "export KUBECONFIG={}", path.display())?;
    let kubebox = Kubebox::new(Options {
        seed: number,
        ..Options::default()
    });
    let stop = async {
        // Without a handler, the default one ends the process just as well.
        let _ = tokio::signal::ctrl_c().await;
    };
    kubebox.serve(listener, &access, stop).await
}
