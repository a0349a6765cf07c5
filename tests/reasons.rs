//! The list of reasons in the documentation, which says what the code does.
//!
//! `UPDATE_GOLDEN=1 cargo test --no-default-features --test reasons` writes it anew.

use std::fmt::Write;
use std::path::PathBuf;

use k8sdataservice::status::diagnosis::{Blame, Cause, Fails};

fn fails(cause: Cause) -> String {
    match cause.fails() {
        Fails::Never => "never".to_owned(),
        Fails::AtOnce(_) => "at once".to_owned(),
        Fails::After(grace, blame) => {
            let again = if blame == Blame::System {
                ", and is tried again"
            } else {
                ""
            };
            format!("after {} min{again}", grace.as_secs() / 60)
        }
    }
}

#[test]
fn every_reason_is_documented() {
    let mut page = String::from(
        "# Why a service is not ready\n\n\
         The code that stands in `custom_info.reason`, what it means, and when a service fails for it.\n\
         `K8SDATASERVICE_GRACE_PERIODS=ClaimPending=1h,ImageNotFound=30s` in the connector's environment changes the last.\n\n\
         | reason | meaning | the service fails |\n|---|---|---|\n",
    );
    for cause in Cause::ALL {
        writeln!(
            page,
            "| `{}` | {} | {} |",
            cause.reason(),
            cause.meaning(),
            fails(*cause)
        )
        .expect("a line");
    }
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/reasons.md");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &page).expect("the page");
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        written, page,
        "docs/reasons.md is out of date: UPDATE_GOLDEN=1 cargo test writes it anew"
    );
}
