//! The client of a cluster, from a configuration whose credentials are at hand.

use http::header::DATE;
use http::{Response, Uri};
use hyper::rt::{Read, Write};
use hyper_timeout::TimeoutConnector;
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::proxy::{SocksV5, Tunnel};
use hyper_util::client::legacy::connect::{Connection, HttpConnector};
use hyper_util::rt::TokioExecutor;
use kube::client::{Body, ClientBuilder, ConfigExt};
use kube::{Client, Config};
use tower::util::MapResponseLayer;
use tower::{BoxError, Service, ServiceBuilder};

use super::proxy::{Protocol, Proxy};
use super::server_time;

/// Makes a client. Files that the configuration names are read.
pub(super) fn client(config: Config, proxy: Option<&Proxy>) -> Result<Client, kube::Error> {
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    let Some(proxy) = proxy else {
        let builder = ClientBuilder::try_from(config)?;
        return Ok(builder.with_layer(&MapResponseLayer::new(record_server_date)).build());
    };
    let address = proxy.address.clone();
    // As with kubectl, the certificate of a proxy is checked as that of the server is.
    let tls = |connector| config.rustls_https_connector_with_connector(connector);
    match proxy.protocol {
        Protocol::Http => {
            let tunnel = authorized(Tunnel::new(address, http), proxy);
            over(&config, config.rustls_https_connector_with_connector(tunnel)?)
        }
        Protocol::Https => {
            let tunnel = authorized(Tunnel::new(address, tls(http)?), proxy);
            over(&config, config.rustls_https_connector_with_connector(tunnel)?)
        }
        Protocol::Socks5 => {
            let socks = match proxy.credentials() {
                Some((user, password)) => SocksV5::new(address, http).with_auth(user, password),
                None => SocksV5::new(address, http),
            };
            over(&config, config.rustls_https_connector_with_connector(socks)?)
        }
    }
}

fn authorized<C>(tunnel: Tunnel<C>, proxy: &Proxy) -> Tunnel<C> {
    match proxy.authorization() {
        Some(authorization) => tunnel.with_auth(authorization),
        None => tunnel,
    }
}

/// Makes a client that connects by way of a connector: kube's own stack, which has no place for one.
pub(super) fn over<C>(config: &Config, connector: C) -> Result<Client, kube::Error>
where
    C: Service<Uri> + Clone + Send + Sync + 'static,
    C::Response: Read + Write + Connection + Send + Unpin + 'static,
    C::Future: Send + 'static,
    C::Error: Into<BoxError>,
{
    let mut connector = TimeoutConnector::new(connector);
    connector.set_connect_timeout(config.connect_timeout);
    connector.set_read_timeout(config.read_timeout);
    connector.set_write_timeout(config.write_timeout);
    let client: legacy::Client<_, Body> = legacy::Builder::new(TokioExecutor::new()).build(connector);
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_err(BoxError::from)
        .service(client);
    let builder = ClientBuilder::new(service, config.default_namespace.clone());
    Ok(builder.with_layer(&MapResponseLayer::new(record_server_date)).build())
}

fn record_server_date<B>(response: Response<B>) -> Response<B> {
    if let Some(date) = response.headers().get(DATE) {
        server_time::record_server_date(date.as_bytes());
    }
    response
}
