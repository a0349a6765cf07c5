//! The page of reasons in the documentation, generated from the causes and from the message that each has in a test.
//!
//! `UPDATE_GOLDEN=1 cargo test --lib page` writes it again.

use std::fmt::Write;
use std::path::PathBuf;

use super::grace::judged;
use super::*;

const HEAD: &str = "# Why a service is not ready\n\n\
    Each section is a reason that `custom_info.reason` may have, with an example of its message, the reasons that Kubernetes\n\
    itself reports for it, the cause, the cure, and the time after which the service fails.\n\
    `K8SDATASERVICE_GRACE_PERIODS=ClaimPending=1h,ImageNotFound=30s` in the connector's environment changes that time.\n";

fn fails(cause: Cause) -> String {
    match cause.fails() {
        Fails::Never => "never".to_owned(),
        Fails::AtOnce(_) => "at once".to_owned(),
        Fails::After(grace, blame) => {
            let again = if blame == Blame::System {
                "; Flyte retries the task"
            } else {
                ""
            };
            format!("after {} min{again}", grace.as_secs() / 60)
        }
    }
}

#[test]
fn the_page_of_reasons_is_up_to_date() {
    let mut page = HEAD.to_owned();
    for cause in Cause::ALL.iter().copied() {
        let words = cause.kubernetes_reasons();
        let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
        let words = if words.is_empty() {
            "none".to_owned()
        } else {
            words.join(", ")
        };
        let message = judged(cause).message();
        let (reason, meaning, cure, fails) = (cause.reason(), cause.meaning(), cause.cure(), fails(cause));
        write!(
            page,
            "\n## {reason}\n\n- Message: {message}\n- Kubernetes: {words}\n- Cause: {meaning}\n- Cure: {cure}\n- Fails: {fails}\n"
        )
        .expect("a section");
    }
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/reasons.md");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &page).expect("the page");
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        written, page,
        "docs/reasons.md is out of date: UPDATE_GOLDEN=1 cargo test --lib page writes it again"
    );
}

#[test]
fn every_message_has_the_word_of_kubernetes_and_every_reason_a_cure() {
    for cause in Cause::ALL.iter().copied() {
        let verdict = judged(cause);
        let message = verdict.message();
        let words = cause.kubernetes_reasons();
        assert!(
            words.is_empty() || words.iter().any(|word| message.contains(word)),
            "{cause:?}: {message} has none of {words:?}"
        );
        for word in verdict.kubernetes_reason.split(", ").filter(|word| !word.is_empty()) {
            assert!(words.contains(&word), "{cause:?} lacks {word}");
        }
        assert!(cause.cure().ends_with(['.', ')']), "{cause:?}");
    }
}
