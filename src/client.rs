//! Shell. The client of the API server: kube's stack on connections that send at once.

use hyper_timeout::TimeoutConnector;
use hyper_util::client::legacy::Client as Http;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use kube::client::{Body, ConfigExt};
use kube::{Client, Config};
use tower::{BoxError, ServiceBuilder};

use crate::metrics::faults;

fn counted(error: hyper_util::client::legacy::Error) -> BoxError {
    faults::count(&error, !error.is_connect());
    error.into()
}

/// Makes a client that neither retries nor waits with what it has to send.
///
/// kube's own leaves Nagle's algorithm on: the first request on each new connection then waits for
/// the server's delayed acknowledgement, 40 ms. Behind a proxy it stays kube's own.
///
/// # Errors
/// When certificates or credentials of the configuration cannot be used.
pub fn client(mut config: Config) -> Result<Client, kube::Error> {
    // Our own layers retry, bounded and by priority; kube's would do so 15 times on top.
    config.default_retry = false;
    if config.proxy_url.is_some() {
        return Client::try_from(config);
    }
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    let mut connector = TimeoutConnector::new(config.rustls_https_connector_with_connector(tcp)?);
    connector.set_connect_timeout(config.connect_timeout);
    connector.set_read_timeout(config.read_timeout);
    connector.set_write_timeout(config.write_timeout);
    connector.set_reset_reader_on_write(config.reset_reader_on_write);
    let http: Http<_, Body> = Http::builder(TokioExecutor::new()).build(connector);
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_err(counted)
        .service(http);
    Ok(Client::new(service, config.default_namespace))
}
