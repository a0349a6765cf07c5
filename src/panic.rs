//! A bug in here is an error of the one call that met it: the process, which serves others, goes on.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};

use futures::FutureExt;

use crate::error::{Error, Result};

/// Runs a future; a panic in it is an [`Error::Bug`].
///
/// # Errors
/// As the future, and [`Error::Bug`].
pub async fn catch_panic<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    AssertUnwindSafe(future)
        .catch_unwind()
        .await
        .unwrap_or_else(|panic| Err(bug(panic.as_ref())))
}

/// Runs a function; a panic in it is an [`Error::Bug`].
///
/// # Errors
/// As the function, and [`Error::Bug`].
pub fn catch_panic_sync<T>(function: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(function)).unwrap_or_else(|panic| Err(bug(panic.as_ref())))
}

fn bug(panic: &(dyn Any + Send)) -> Error {
    let words = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("it did not say what happened");
    Error::Bug {
        words: words.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stand-in for a bug.
    fn broken(number: i32) -> i32 {
        assert!(number != 3, "three is too many");
        number
    }

    #[tokio::test]
    async fn a_bug_is_an_error_of_its_own_call_alone() {
        let error = catch_panic(async { Ok(broken(3)) })
            .await
            .expect_err("a bug")
            .to_string();
        assert!(
            error.starts_with("This is a bug in the plugin: three is too many."),
            "{error}"
        );
        assert_eq!(catch_panic(async { Ok(broken(4)) }).await.expect("no bug"), 4);
    }

    #[test]
    fn a_bug_in_what_needs_no_cluster_is_an_error_too() {
        assert!(matches!(catch_panic_sync(|| Ok(broken(3))), Err(Error::Bug { .. })));
        assert_eq!(catch_panic_sync(|| Ok(broken(4))).expect("no bug"), 4);
    }
}
