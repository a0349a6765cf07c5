//! The sources of settings, which errors name.

use std::collections::BTreeMap;

/// Where settings come from, by their paths, such as `forced.ServiceAccount` -> `/etc/settings.yaml, line 12`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sources(BTreeMap<String, String>);

impl Sources {
    /// The source of a setting, or of what it is a part of, as the end of a sentence: `: /etc/settings.yaml, line 12`.
    pub(super) fn suffix(&self, path: &str) -> String {
        let mut path = path;
        loop {
            if let Some(source) = self.0.get(path) {
                return format!(": {source}");
            }
            match path.rfind(['.', '[']) {
                Some(end) => path = &path[..end],
                None => return String::new(),
            }
        }
    }
}

impl From<BTreeMap<String, String>> for Sources {
    fn from(sources: BTreeMap<String, String>) -> Self {
        Self(sources)
    }
}
