//! Where the configuration of a cluster comes from, as errors name it.

use std::fmt;
use std::path::PathBuf;

/// Where a client's configuration comes from. It holds no credential, and no address of it has one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// The files of the kubeconfig that exist; none for the service account of this pod.
    pub(super) files: Vec<PathBuf>,
    pub(super) context: Option<String>,
    pub(super) cluster: Option<String>,
    pub(super) user: Option<String>,
    /// The program that gives the user's credentials.
    pub(super) program: Option<String>,
    /// The fields of the user that hold its credentials.
    pub(super) credentials: Vec<&'static str>,
    pub(super) server: Option<String>,
    pub(super) proxy: Option<String>,
    /// The socket of a local cluster.
    pub(super) socket: Option<PathBuf>,
}

impl Origin {
    /// The kubeconfig, by its files.
    pub(super) fn kubeconfig(&self) -> String {
        let files: Vec<_> = self.files.iter().map(|file| file.display().to_string()).collect();
        format!("kubeconfig {}", files.join(":"))
    }

    /// The API server's rejection of the credentials, and what to do, as sentences.
    pub(super) fn rejected(&self) -> String {
        let user = self.user_of_kubeconfig();
        let what = match self.credentials.as_slice() {
            [] => format!(
                "The API server rejects requests of {user}, which has no credentials (Unauthorized). Give the user a token, \
                 a client certificate or a credential program"
            ),
            fields => format!(
                "The API server rejects the credentials of {user} (Unauthorized): the {} is wrong, has expired or was \
                 revoked, or is of another cluster. Replace it, for example by a new login",
                fields.join(" and the ")
            ),
        };
        format!("{what}, or choose another context. {self}")
    }

    /// The user, and where that user is from: `user dev of kubeconfig /home/me/.kube/config`.
    pub(super) fn user_of_kubeconfig(&self) -> String {
        if self.files.is_empty() {
            return "this pod's service account".to_owned();
        }
        match &self.user {
            Some(user) => format!("user {user} of {}", self.kubeconfig()),
            None => self.kubeconfig(),
        }
    }
}

impl fmt::Display for Origin {
    /// One sentence that names all there is.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(socket) = &self.socket {
            return write!(formatter, "The cluster is the local one of {}.", socket.display());
        }
        let server = self.server.as_deref().unwrap_or("not known");
        write!(formatter, "The server is {server}")?;
        if let Some(proxy) = &self.proxy {
            write!(formatter, ", by way of the proxy {proxy}")?;
        }
        if self.files.is_empty() {
            return write!(formatter, ", with this pod's service account.");
        }
        let parts = [
            ("context", &self.context),
            ("cluster", &self.cluster),
            ("user", &self.user),
        ];
        for (kind, name) in parts {
            if let Some(name) = name {
                write!(formatter, ", {kind} {name}")?;
            }
        }
        if let Some(program) = &self.program {
            write!(formatter, " (credential program {program})")?;
        }
        write!(formatter, " of {}.", self.kubeconfig())
    }
}

/// An address without the user and the password that it may have.
pub(super) fn without_credentials(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let path = path.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
    if scheme.is_empty() {
        format!("{host}{path}")
    } else {
        format!("{scheme}://{host}{path}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_names_all_that_is_concerned() {
        let origin = Origin {
            files: vec!["/a".into(), "/b".into()],
            context: Some("dev".to_owned()),
            cluster: Some("c".to_owned()),
            user: Some("u".to_owned()),
            program: Some("aws".to_owned()),
            credentials: Vec::new(),
            server: Some("https://k:6443".to_owned()),
            proxy: Some("http://p:1".to_owned()),
            socket: None,
        };
        assert_eq!(
            origin.to_string(),
            "The server is https://k:6443, by way of the proxy http://p:1, context dev, cluster c, user u (credential \
             program aws) of kubeconfig /a:/b."
        );
        let in_cluster = Origin {
            server: Some("https://10.96.0.1".to_owned()),
            ..Origin::default()
        };
        assert_eq!(
            in_cluster.to_string(),
            "The server is https://10.96.0.1, with this pod's service account."
        );
    }

    #[test]
    fn an_address_is_shown_without_its_password() {
        for (url, shown) in [
            ("https://u:secret@k:6443/p?token=secret", "https://k:6443/p"),
            ("https://k:6443/", "https://k:6443"),
            ("u:secret@k", "k"),
        ] {
            assert_eq!(without_credentials(url), shown);
        }
    }
}
