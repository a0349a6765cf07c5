//! Which proxy leads to an API server: the kubeconfig's `proxy-url`, else the variables `HTTPS_PROXY`, `HTTP_PROXY` and
//! `NO_PROXY`, which mean what they mean to kubectl (Go's `golang.org/x/net/http/httpproxy`).

use std::fmt;
use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, Uri};
use percent_encoding::percent_decode_str;

/// A proxy. Its credentials appear in no message.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Proxy {
    pub(super) protocol: Protocol,
    /// Its address, without credentials.
    pub(super) address: Uri,
    credentials: Option<(String, String)>,
}

/// How a proxy is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    Http,
    Https,
    Socks5,
}

impl Proxy {
    /// Reads the address of a proxy.
    ///
    /// # Errors
    /// The fault, as the end of a sentence. The address is not quoted, since it may hold a password.
    fn parse(address: &str) -> Result<Self, &'static str> {
        const WRONG: &str = "is not the address of a proxy: write http://, https:// or socks5://, then host and port";
        let uri: Uri = address.trim().parse().map_err(|_| WRONG)?;
        let protocol = match uri.scheme_str() {
            Some("http") => Protocol::Http,
            Some("https") => Protocol::Https,
            Some("socks5" | "socks5h") => Protocol::Socks5,
            _ => return Err(WRONG),
        };
        let authority = uri
            .authority()
            .filter(|authority| !authority.host().is_empty())
            .ok_or(WRONG)?;
        let credentials = authority.as_str().rsplit_once('@').map(|(userinfo, _)| {
            let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
            let (user, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
            (decoded(user), decoded(password))
        });
        let port = match (authority.port_u16(), protocol) {
            (Some(port), _) => port,
            (None, Protocol::Http) => 80,
            (None, Protocol::Https) => 443,
            (None, Protocol::Socks5) => 1080,
        };
        let scheme = match protocol {
            Protocol::Http => "http",
            Protocol::Https => "https",
            Protocol::Socks5 => "socks5",
        };
        let address = format!("{scheme}://{}:{port}", authority.host());
        Ok(Self {
            protocol,
            address: address.parse().map_err(|_| WRONG)?,
            credentials,
        })
    }

    /// The header `Proxy-Authorization` for an HTTP proxy.
    pub(super) fn authorization(&self) -> Option<HeaderValue> {
        let (user, password) = self.credentials.as_ref()?;
        let mut value =
            HeaderValue::try_from(format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// User and password.
    pub(super) fn credentials(&self) -> Option<(String, String)> {
        self.credentials.clone()
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Proxy({self})")
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.address.to_string().trim_end_matches('/'))
    }
}

/// The proxy for a server: the one that the kubeconfig names for it, regardless of `NO_PROXY`, else that of the
/// variables.
///
/// # Errors
/// Where the address stands that cannot be used, and why.
pub(super) fn proxy_for(
    server: &Uri,
    of_cluster: Option<&str>,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Option<Proxy>, (String, &'static str)> {
    if let Some(address) = of_cluster.filter(|address| !address.is_empty()) {
        return Proxy::parse(address)
            .map(Some)
            .map_err(|problem| ("proxy-url".to_owned(), problem));
    }
    let given = |upper: &str| {
        let names = [upper.to_owned(), upper.to_lowercase()];
        names.into_iter().find_map(|name| {
            let value = variable(&name).filter(|value| !value.is_empty())?;
            Some((name, value))
        })
    };
    let is_https = server.scheme_str() == Some("https");
    let Some((name, address)) = given(if is_https { "HTTPS_PROXY" } else { "HTTP_PROXY" }) else {
        return Ok(None);
    };
    let port = server.port_u16().unwrap_or(if is_https { 443 } else { 80 });
    let excepted = given("NO_PROXY")
        .is_some_and(|(_, exceptions)| is_excepted(server.host().unwrap_or_default(), port, &exceptions));
    if is_local(server.host().unwrap_or_default()) || excepted {
        return Ok(None);
    }
    // `proxy.example:3128` is enough here.
    let parsed = Proxy::parse(&address).or_else(|problem| {
        if address.contains("://") {
            Err(problem)
        } else {
            Proxy::parse(&format!("http://{address}"))
        }
    });
    parsed.map(Some).map_err(|problem| (name, problem))
}

/// This machine itself is never asked for through a proxy that a variable names.
fn is_local(host: &str) -> bool {
    host == "localhost" || ip(host).is_some_and(|ip| ip.is_loopback())
}

/// An IP address, in brackets or not.
fn ip(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// Whether `NO_PROXY` lists a host: by its name, a domain that it belongs to, its address, a network, each with or
/// without a port; or all hosts, by `*`.
fn is_excepted(host: &str, port: u16, exceptions: &str) -> bool {
    let host = host.to_lowercase();
    let address = ip(&host);
    exceptions.split(',').any(|exception| {
        let exception = exception.trim().to_lowercase();
        if exception == "*" {
            return true;
        }
        if let Some((network, bits)) = exception.split_once('/') {
            return address
                .zip(ip(network))
                .zip(bits.parse().ok())
                .is_some_and(|((address, network), bits)| is_in(address, network, bits));
        }
        let (name, of_port) = match exception.rsplit_once(':') {
            // A bare IPv6 address has colons of its own.
            Some((name, port)) if ip(&exception).is_none() => (name, Some(port)),
            _ => (exception.as_str(), None),
        };
        if name.is_empty() || of_port.is_some_and(|of_port| of_port.parse() != Ok(port)) {
            return false;
        }
        if let Some(excepted) = ip(name) {
            return address == Some(excepted);
        }
        let domain = name
            .strip_prefix('*')
            .filter(|rest| rest.starts_with('.'))
            .unwrap_or(name);
        match domain.strip_prefix('.') {
            Some(_) => host.ends_with(domain),
            None => host == domain || host.strip_suffix(domain).is_some_and(|front| front.ends_with('.')),
        }
    })
}

/// Whether an address is in a network with a prefix of so many bits.
fn is_in(address: IpAddr, network: IpAddr, bits: u32) -> bool {
    let shift = |width: u32| width.checked_sub(bits);
    match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => shift(32).is_some_and(|shift| {
            let part = |ip: u32| ip.checked_shr(shift).unwrap_or_default();
            part(address.to_bits()) == part(network.to_bits())
        }),
        (IpAddr::V6(address), IpAddr::V6(network)) => shift(128).is_some_and(|shift| {
            let part = |ip: u128| ip.checked_shr(shift).unwrap_or_default();
            part(address.to_bits()) == part(network.to_bits())
        }),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(server: &str, of_cluster: Option<&str>, variables: &[(&str, &str)]) -> String {
        let variable = |name: &str| {
            let found = variables.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        match proxy_for(&server.parse().expect("a URL"), of_cluster, variable) {
            Ok(proxy) => proxy.map_or_else(|| "direct".to_owned(), |proxy| proxy.to_string()),
            Err((place, problem)) => format!("{place} {problem}"),
        }
    }

    #[test]
    fn the_proxy_of_the_kubeconfig_counts_whatever_the_environment_says() {
        let environment = [("HTTPS_PROXY", "http://other:1"), ("NO_PROXY", "*")];
        for (url, shown) in [
            ("http://p:3128", "http://p:3128"),
            ("http://p", "http://p:80"),
            ("https://p/", "https://p:443"),
            ("socks5://p", "socks5://p:1080"),
            ("http://u:secret@p:1", "http://p:1"),
            ("http://[::1]:1", "http://[::1]:1"),
        ] {
            assert_eq!(proxy("https://127.0.0.1:6443", Some(url), &environment), shown);
        }
        assert_eq!(
            proxy("https://a:1", Some(""), &[("HTTPS_PROXY", "http://p:1")]),
            "http://p:1"
        );
    }

    #[test]
    fn an_invalid_proxy_is_refused_and_not_quoted() {
        for url in ["ftp://u:secret@p", "p:3128", "http://u:secret@[:1", "secret", "http://"] {
            let refused = proxy("https://a", Some(url), &[]);
            assert!(
                refused.starts_with("proxy-url is not the address of a proxy"),
                "{refused}"
            );
            assert!(!refused.contains("secret"), "{refused}");
        }
        assert!(proxy("https://a", None, &[("https_proxy", "ftp://p")]).starts_with("https_proxy is not"));
    }

    #[test]
    fn the_variables_are_those_of_kubectl() {
        let both = [("HTTPS_PROXY", "http://s:1"), ("HTTP_PROXY", "p:2")];
        assert_eq!(proxy("https://a", None, &both), "http://s:1");
        assert_eq!(proxy("http://a", None, &both), "http://p:2");
        assert_eq!(proxy("https://a", None, &[("https_proxy", "s:1")]), "http://s:1");
        assert_eq!(
            proxy("https://a", None, &[("HTTPS_PROXY", ""), ("https_proxy", "s:1")]),
            "http://s:1"
        );
        assert_eq!(proxy("https://a", None, &[("ALL_PROXY", "s:1")]), "direct");
        for local in ["https://localhost:6443", "https://127.0.0.2:6443", "https://[::1]:6443"] {
            assert_eq!(proxy(local, None, &both), "direct", "{local}");
        }
    }

    #[test]
    fn no_proxy_lists_hosts_domains_addresses_networks_and_ports() {
        for (server, exceptions, excepted) in [
            ("https://10.96.0.1", "10.0.0.0/8", true),
            ("https://10.96.0.1", "172.16.0.0/12, 10.96.0.1", true),
            ("https://10.96.0.1", "10.96.0.1:443", true),
            ("https://10.96.0.1:6443", "10.96.0.1:443", false),
            ("https://11.96.0.1", "10.0.0.0/8", false),
            ("https://11.96.0.1", "0.0.0.0/0", true),
            ("https://[fd00::1]", "fd00::/8", true),
            ("https://[fd00::1]", "fd00::1", true),
            ("https://[fd00::1]:6443", "[fd00::1]:6443", true),
            ("https://api.example.com", "example.com", true),
            ("https://API.example.com", "EXAMPLE.com", true),
            ("https://example.com", "example.com", true),
            ("https://notexample.com", "example.com", false),
            ("https://api.example.com", ".example.com", true),
            ("https://example.com", ".example.com", false),
            ("https://api.example.com", "*.example.com", true),
            ("https://example.com", "*.example.com", false),
            ("https://api.example.com:6443", "example.com:6443", true),
            ("https://api.example.com", "example.com:6443", false),
            ("https://a", "*", true),
            ("https://a", "b, *", true),
            ("https://a", "b,,a,", true),
            ("https://a", ":443, /8, 1/2/3", false),
        ] {
            let expected = if excepted { "direct" } else { "http://p:1" };
            for name in ["NO_PROXY", "no_proxy"] {
                let chosen = proxy(server, None, &[("HTTPS_PROXY", "http://p:1"), (name, exceptions)]);
                assert_eq!(chosen, expected, "{server} {exceptions}");
            }
        }
    }

    #[test]
    fn credentials_are_decoded_and_never_shown() {
        let proxy = Proxy::parse("socks5://user:p%40ss%3Aword@p:1").expect("a proxy");
        assert_eq!(proxy.credentials(), Some(("user".to_owned(), "p@ss:word".to_owned())));
        assert_eq!(format!("{proxy:?} {proxy}"), "Proxy(socks5://p:1) socks5://p:1");
        let header = proxy.authorization().expect("a header");
        assert_eq!(header.to_str().ok(), Some("Basic dXNlcjpwQHNzOndvcmQ="));
    }
}
