//! The names of pods and Services, in a file for each namespace that its pods have as `/etc/hosts`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;

/// The file that programs look for names in.
pub(super) const HOSTS: &str = "/etc/hosts";

/// What every name of a cluster ends with.
const DOMAIN: &str = "svc.cluster.local";

/// The names of all pods of a node.
#[derive(Debug)]
pub(super) struct Names {
    folder: PathBuf,
    /// What this machine's own file has.
    machine: String,
    known: Mutex<Known>,
}

/// By namespace and name.
type Known = BTreeMap<(String, String), Named>;

#[derive(Debug)]
struct Named {
    address: Ipv4Addr,
    hostname: String,
    service: Option<String>,
}

impl Names {
    pub(super) fn new(folder: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&folder)?;
        Ok(Self {
            folder,
            machine: fs::read_to_string(HOSTS)?,
            known: Mutex::default(),
        })
    }

    /// Adds a pod, and returns the file for its namespace.
    pub(super) fn add(&self, pod: &Pod, address: Ipv4Addr) -> io::Result<PathBuf> {
        let spec = pod.spec.clone().unwrap_or_default();
        let given = |name: Option<String>| name.filter(|name| !name.is_empty());
        let named = Named {
            address,
            hostname: given(spec.hostname).unwrap_or_else(|| pod.name_any()),
            service: given(spec.subdomain),
        };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(key(pod), named);
        self.write(&known)?;
        Ok(self.folder.join(key(pod).0))
    }

    /// Removes a pod.
    pub(super) fn remove(&self, pod: &Pod) -> io::Result<()> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.remove(&key(pod));
        self.write(&known)
    }

    fn write(&self, known: &Known) -> io::Result<()> {
        let mut namespaces: Vec<_> = known.keys().map(|(namespace, _)| namespace).collect();
        namespaces.dedup();
        for namespace in namespaces {
            let text = text(known, namespace, &self.machine);
            overwrite(&self.folder.join(namespace), &text)?;
        }
        Ok(())
    }
}

fn key(pod: &Pod) -> (String, String) {
    (pod.namespace().unwrap_or_default(), pod.name_any())
}

/// Replaces what a file has. It stays the same file: pods have it mounted.
fn overwrite(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
    // Whoever reads now finds lines that are there twice, rather than none.
    file.write_all(text.as_bytes())?;
    file.set_len(text.len() as u64)
}

/// The file for a namespace: its own names also without the namespace, and those of others with it.
fn text(known: &Known, here: &str, machine: &str) -> String {
    let mut text = String::from("# Pods of a local data service, by k8sdataservice.\n");
    for ((namespace, _), pod) in known {
        let is_here = namespace == here;
        let mut names = Vec::new();
        let mut add = |name: &str| {
            names.extend([
                format!("{name}.{namespace}.{DOMAIN}"),
                format!("{name}.{namespace}.svc"),
            ]);
            names.push(format!("{name}.{namespace}"));
            names.extend(is_here.then(|| name.to_owned()));
        };
        if let Some(service) = &pod.service {
            add(&format!("{}.{service}", pod.hostname));
            add(service);
        }
        names.extend(is_here.then(|| pod.hostname.clone()));
        if !names.is_empty() {
            let _ = writeln!(text, "{}\t{}", pod.address, names.join(" "));
        }
    }
    let _ = write!(text, "\n{machine}");
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(namespace: &str, name: &str) -> Pod {
        let service = name.rsplit_once('-').map(|(service, _)| service);
        let value = json!({
            "metadata": {"namespace": namespace, "name": name},
            "spec": {"hostname": name, "subdomain": service, "containers": []},
        });
        serde_json::from_value(value).expect("a pod")
    }

    #[test]
    fn pods_have_the_names_that_a_cluster_gives_them() {
        let folder = tempfile::tempdir().expect("a folder");
        let names = Names::new(folder.path().join("hosts")).expect("names");
        let add = |namespace, name, last| {
            let file = names.add(&pod(namespace, name), Ipv4Addr::new(10, 77, 1, last));
            file.expect("a file")
        };
        let file = add("flyte", "foo-0", 1);
        add("flyte", "foo-1", 2);
        add("other", "bar-0", 3);
        let lines = || -> Vec<String> {
            let text = fs::read_to_string(&file).expect("a text");
            text.lines()
                .filter(|line| line.starts_with("10.77."))
                .map(str::to_owned)
                .collect()
        };
        let line = "10.77.1.1\tfoo-0.foo.flyte.svc.cluster.local foo-0.foo.flyte.svc foo-0.foo.flyte foo-0.foo \
                    foo.flyte.svc.cluster.local foo.flyte.svc foo.flyte foo foo-0";
        assert_eq!(lines()[0], line);
        let of_other = "10.77.1.3\tbar-0.bar.other.svc.cluster.local bar-0.bar.other.svc bar-0.bar.other \
                        bar.other.svc.cluster.local bar.other.svc bar.other";
        assert_eq!(
            lines()[2],
            of_other,
            "the short names are those of the namespace itself"
        );
        let machine = fs::read_to_string(HOSTS).expect("a file");
        assert!(fs::read_to_string(&file).expect("a text").ends_with(&machine));

        let before = fs::metadata(&file).expect("a file");
        names.remove(&pod("flyte", "foo-0")).expect("removed");
        assert!(!lines().contains(&line.to_owned()) && lines().len() == 2);
        let inode = std::os::unix::fs::MetadataExt::ino;
        assert_eq!(
            inode(&before),
            inode(&fs::metadata(&file).expect("a file")),
            "pods have it mounted"
        );
    }
}
