//! The kubeconfig: which of its contexts is meant, and what a client needs of it. All of this reads files, so it
//! blocks.

use std::path::{Path, PathBuf};

use futures::FutureExt;
use kube::Config;
use kube::config::{AuthInfo, Cluster, KubeConfigOptions, Kubeconfig, KubeconfigError};

use super::credentials::Source;
use super::in_cluster::{IN_CLUSTER, TOKEN};
use super::local::LOCAL;
use super::origin::{Origin, without_credentials};
use super::program;
use super::proxy::{Proxy, proxy_for};
use super::redaction::{file_problem, kubeconfig_problem};
use crate::error::{Error, Result};
use crate::text::{nearest, sentence};

/// How many names an error lists, besides the nearest one.
const MOST_NAMES: usize = 5;

/// Files that are read as one kubeconfig.
pub(super) struct Files {
    /// Those that exist.
    pub(super) read: Vec<PathBuf>,
    missing: Vec<PathBuf>,
    /// The platform's settings name the file.
    is_own: bool,
    config: Kubeconfig,
}

/// The configuration of a client.
pub(super) struct Selected {
    pub(super) config: Config,
    pub(super) origin: Origin,
    pub(super) proxy: Option<Proxy>,
    /// Where its credentials come from, where these come and go.
    pub(super) source: Option<Source>,
}

impl Files {
    /// Reads the files and merges them as kubectl does, which passes over those that do not exist.
    ///
    /// # Errors
    /// [`Error::Cluster`] that names the file at fault, or all where none exists.
    pub(super) fn read(files: &[PathBuf], is_own: bool) -> Result<Self> {
        let mut all = Self {
            read: Vec::new(),
            missing: Vec::new(),
            is_own,
            config: Kubeconfig::default(),
        };
        for file in files {
            match Kubeconfig::read_from(file) {
                Ok(config) => {
                    all.read.push(file.clone());
                    let merged = std::mem::take(&mut all.config).merge(config);
                    all.config =
                        merged.map_err(|source| all.unusable(file, &kubeconfig_problem(&source), "Correct it"))?;
                }
                Err(KubeconfigError::ReadConfig(source, _)) if source.kind() == std::io::ErrorKind::NotFound => {
                    all.missing.push(file.clone());
                }
                Err(KubeconfigError::ReadConfig(source, _)) => {
                    let problem = format!("it {}", file_problem(&source));
                    return Err(all.unusable(file, &problem, "Make it readable for this process"));
                }
                Err(source) => return Err(all.unusable(file, &kubeconfig_problem(&source), "Correct it")),
            }
        }
        if all.read.is_empty() {
            return Err(all.nothing());
        }
        Ok(all)
    }

    /// The names of the contexts.
    pub(super) fn contexts(&self) -> impl Iterator<Item = &str> {
        self.config.contexts.iter().map(|context| context.name.as_str())
    }

    /// The configuration of a client for a context, or for the current one.
    ///
    /// # Errors
    /// [`Error::Cluster`] that names the file, the context, and the fault.
    pub(super) fn select(&self, context: Option<&str>) -> Result<Selected> {
        let (name, is_current) = match (context, &self.config.current_context) {
            (Some(name), _) => (name.to_owned(), false),
            (None, Some(current)) if !current.is_empty() => (current.clone(), true),
            (None, _) => return Err(self.no_current_context()),
        };
        let contexts = self.config.contexts.iter();
        let found = contexts.clone().find(|context| context.name == name);
        let Some(context) = found.and_then(|context| context.context.clone()) else {
            let known = contexts
                .map(|context| context.name.as_str())
                .filter(|name| self.is_complete(name));
            let what = if is_current { "the current context" } else { "context" };
            return Err(self.missing(what, &name, known, "Choose another one"));
        };
        let mut origin = Origin {
            files: self.read.clone(),
            context: Some(name.clone()),
            cluster: Some(context.cluster.clone()),
            user: context.user.clone().filter(|user| !user.is_empty()),
            ..Origin::default()
        };
        let clusters = self.config.clusters.iter();
        let Some(cluster) = clusters.clone().find(|cluster| cluster.name == context.cluster) else {
            let what = format!("the cluster of context {name},");
            let known = clusters.map(|cluster| cluster.name.as_str());
            return Err(self.incomplete(&what, &context.cluster, known));
        };
        let users = self.config.auth_infos.iter();
        let user = users.clone().find(|user| Some(&user.name) == origin.user.as_ref());
        if let (Some(user), None) = (&origin.user, user) {
            let what = format!("the user of context {name},");
            let known = users.map(|user| user.name.as_str());
            return Err(self.incomplete(&what, user, known));
        }
        let cluster = cluster.cluster.clone().unwrap_or_default();
        origin.server = cluster.server.as_deref().map(without_credentials);
        let user = user.and_then(|user| user.auth_info.clone()).unwrap_or_default();
        if let Some(problem) = auth_provider_problem(&user) {
            return Err(self.faulty(&origin, &problem));
        }
        let has_certificate = user.client_certificate.is_some() || user.client_certificate_data.is_some();
        let mut config = self
            .config_of(&name, has_certificate)
            .map_err(|source| self.faulty(&origin, &kubeconfig_problem(&source)))?;
        let proxy = proxy_of(&config, &cluster).map_err(|problem| self.faulty(&origin, &problem))?;
        origin.proxy = proxy.as_ref().map(ToString::to_string);
        origin.credentials = fields(&config.auth_info);
        // Of these, kube would take the program's and the file's after the others too.
        let mut source = source_of(&mut config.auth_info);
        if let Some(Source::Program(program)) = &mut source {
            origin.program = Some(program::name(program));
            if let Some(exec_cluster) = &mut program.cluster {
                exec_cluster.proxy_url.clone_from(&cluster.proxy_url);
            }
        }
        Ok(Selected {
            config,
            origin,
            proxy,
            source,
        })
    }

    /// Has kube read what a context names, all but its proxy.
    fn config_of(&self, context: &str, has_certificate: bool) -> Result<Config, KubeconfigError> {
        let mut kubeconfig = self.config.clone();
        for cluster in kubeconfig
            .clusters
            .iter_mut()
            .filter_map(|cluster| cluster.cluster.as_mut())
        {
            // Without any, kube would read the environment, in its own way.
            cluster.proxy_url = Some("http://proxy.invalid".to_owned());
            let server = cluster.server.take();
            cluster.server = server.map(|server| with_scheme(server, cluster, has_certificate));
        }
        let options = KubeConfigOptions {
            context: Some(context.to_owned()),
            ..KubeConfigOptions::default()
        };
        // It waits for nothing.
        let config = Config::from_custom_kubeconfig(kubeconfig, &options).now_or_never();
        let mut config = config.unwrap_or(Err(KubeconfigError::CurrentContextNotSet))?;
        config.proxy_url = None;
        Ok(config)
    }

    fn name(&self) -> String {
        let files = if self.read.is_empty() {
            &self.missing
        } else {
            &self.read
        };
        let files: Vec<_> = files.iter().map(|file| file.display().to_string()).collect();
        let settings = if self.is_own {
            ", which the platform's settings name,"
        } else {
            ""
        };
        format!("kubeconfig {}{settings}", files.join(":"))
    }

    fn unusable(&self, file: &Path, problem: &str, advice: &str) -> Error {
        let (settings, other) = if self.is_own {
            (", which the platform's settings name,", "correct the settings")
        } else {
            ("", "point KUBECONFIG at another one")
        };
        let file = file.display();
        error(&format!(
            "The kubeconfig {file}{settings} cannot be used: {problem}. {advice}, or {other}."
        ))
    }

    /// None of the files exists.
    fn nothing(&self) -> Error {
        let files: Vec<_> = self.missing.iter().map(|file| file.display().to_string()).collect();
        let exist = if files.len() == 1 {
            "does not exist"
        } else {
            "do not exist"
        };
        if let (true, Some(file)) = (self.is_own, self.missing.first()) {
            return self.unusable(file, "it does not exist", "Create it");
        }
        let place = if std::env::var_os(IN_CLUSTER).is_some() {
            format!("this process runs in one ({IN_CLUSTER} is set), but without a service account token ({TOKEN})")
        } else {
            "this process does not run in one".to_owned()
        };
        let files = if files.is_empty() {
            "there is no home directory to look for it in".to_owned()
        } else {
            format!("{} {exist}", files.join(" and "))
        };
        error(&format!(
            "No cluster is configured: {place}, and the kubeconfig cannot be used ({files}). \
             Point KUBECONFIG at a kubeconfig whose current context is the cluster to use, or set {LOCAL}=processes to run \
             replicas as processes on this machine."
        ))
    }

    fn no_current_context(&self) -> Error {
        error(&format!(
            "No cluster is configured: the {} has no current context. Choose one with `kubectl config use-context`.{}",
            self.name(),
            self.passed_over()
        ))
    }

    /// A context that does not exist. `known` are those that can be used.
    fn missing<'a>(&self, what: &str, name: &str, known: impl Iterator<Item = &'a str>, advice: &str) -> Error {
        let near = match nearest(name, known) {
            "" => String::new(),
            near => format!(", such as {near}"),
        };
        error(&format!(
            "The {} cannot be used: {what} {name} does not exist in it. {advice}{near}.{}",
            self.name(),
            self.passed_over()
        ))
    }

    /// A context names something that does not exist. `known` are the names that do.
    fn incomplete<'a>(&self, what: &str, name: &str, known: impl Iterator<Item = &'a str>) -> Error {
        let mut known: Vec<_> = known.collect();
        let near = nearest(name, known.iter().copied()).to_owned();
        known.retain(|name| *name != near);
        let more = if known.len() > MOST_NAMES { " and more" } else { "" };
        known.truncate(MOST_NAMES);
        known.insert(0, if near.is_empty() { "none" } else { &near });
        let has = format!("{}{more}", known.join(", "));
        let mut complete = self.contexts().filter(|name| self.is_complete(name));
        let choose = complete.next().map_or_else(String::new, |context| {
            format!(", or choose another context, such as {context}")
        });
        error(&format!(
            "The {} cannot be used: {what} {name} does not exist in it; it has {has}. Correct the context{choose}.{}",
            self.name(),
            self.passed_over()
        ))
    }

    /// Whether the cluster and the user that a context names exist.
    fn is_complete(&self, name: &str) -> bool {
        let context = self.config.contexts.iter().find(|context| context.name == name);
        let Some(context) = context.and_then(|context| context.context.as_ref()) else {
            return false;
        };
        let user = context.user.as_deref().filter(|user| !user.is_empty());
        self.config
            .clusters
            .iter()
            .any(|cluster| cluster.name == context.cluster)
            && user.is_none_or(|user| self.config.auth_infos.iter().any(|known| known.name == user))
    }

    fn passed_over(&self) -> String {
        let missing: Vec<_> = self.missing.iter().map(|file| file.display().to_string()).collect();
        match missing.len() {
            0 => String::new(),
            1 => format!(" {} was not read, since it does not exist.", missing[0]),
            _ => format!(" {} were not read, since they do not exist.", missing.join(" and ")),
        }
    }

    /// Something that a context names cannot be used.
    pub(super) fn faulty(&self, origin: &Origin, problem: &str) -> Error {
        let context = origin.context.as_deref().unwrap_or_default();
        let parts = [("cluster", &origin.cluster), ("user", &origin.user)];
        let parts = parts
            .iter()
            .filter_map(|(kind, name)| Some(format!("{kind} {}", name.as_deref()?)));
        error(&format!(
            "Context {context} ({}) of {} cannot be used: {problem}. Correct the kubeconfig, or choose another context.",
            parts.collect::<Vec<_>>().join(", "),
            self.name()
        ))
    }
}

/// The URL of a server, which client-go completes in the same way: by `https` where anything is said about TLS.
fn with_scheme(server: String, cluster: &Cluster, has_certificate: bool) -> String {
    let has_tls = has_certificate
        || cluster.certificate_authority.is_some()
        || cluster.certificate_authority_data.is_some()
        || cluster.insecure_skip_tls_verify == Some(true);
    match (server.contains("://"), has_tls) {
        (true, _) => server,
        (false, true) => format!("https://{server}"),
        (false, false) => format!("http://{server}"),
    }
}

/// Why the user's provider of credentials cannot be used, which Kubernetes 1.26 has removed from its clients. One that
/// is a program can.
fn auth_provider_problem(user: &AuthInfo) -> Option<String> {
    let provider = user.auth_provider.as_ref()?;
    let is_program = provider.config.contains_key("cmd-path");
    (!is_program).then(|| {
        format!(
            "the auth-provider {} of its user is no program; use exec with the credential program of your cloud",
            provider.name
        )
    })
}

/// The proxy of a cluster.
fn proxy_of(config: &Config, cluster: &Cluster) -> Result<Option<Proxy>, String> {
    let variable = |name: &str| std::env::var(name).ok();
    proxy_for(&config.cluster_url, cluster.proxy_url.as_deref(), variable)
        .map_err(|(place, problem)| format!("{place} {problem}"))
}

/// The proxy of the cluster that this process runs in.
///
/// # Errors
/// [`Error::Cluster`] that names the variable at fault.
pub(super) fn proxy_in_cluster(config: &Config) -> Result<Option<Proxy>> {
    proxy_of(config, &Cluster::default())
        .map_err(|problem| error(&format!("No cluster can be reached: {problem}. Correct the variable.")))
}

/// The fields of a user that hold credentials.
fn fields(user: &AuthInfo) -> Vec<&'static str> {
    let fields = [
        (user.client_certificate.is_some(), "client-certificate"),
        (user.client_certificate_data.is_some(), "client-certificate-data"),
        (user.token.is_some(), "token"),
        (user.token_file.is_some(), "tokenFile"),
        (
            user.username.is_some() && user.password.is_some(),
            "username and password",
        ),
        (user.auth_provider.is_some(), "auth-provider"),
        (user.exec.is_some(), "exec"),
    ];
    fields
        .into_iter()
        .filter_map(|(is_given, field)| is_given.then_some(field))
        .collect()
}

/// Takes credentials that come and go out of a user's, in the order in which kubectl looks for them.
pub(super) fn source_of(user: &mut AuthInfo) -> Option<Source> {
    if user.auth_provider.is_some() || user.token.is_some() || (user.username.is_some() && user.password.is_some()) {
        user.token_file = None;
        user.exec = None;
        return None;
    }
    if let Some(file) = user.token_file.take() {
        user.exec = None;
        return Some(Source::TokenFile(Path::new(&file).to_owned()));
    }
    user.exec.take().map(|program| Source::Program(Box::new(program)))
}

fn error(problem: &str) -> Error {
    let mut letters = problem.chars();
    let first = letters
        .next()
        .map(|letter| letter.to_uppercase().to_string())
        .unwrap_or_default();
    Error::Cluster {
        problem: sentence(&format!("{first}{}", letters.as_str())),
    }
}
