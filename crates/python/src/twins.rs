//! Each verb of the client is written once, and becomes an awaitable and its sync twin.

/// Makes the methods of a class: of each verb its awaitable and its sync twin, and what is written out.
///
/// A verb has a Python signature, the names of both methods, its arguments, what it returns, and the call. The call is
/// of the client and of what is done about a create that ends without an answer, since the process of a sync caller may
/// end next.
macro_rules! twins {
    (
        $class:ident
        $(
            #[signature $signature:tt]
            fn $verb:ident, $verb_sync:ident($($argument:ident: $kind:ty),* $(,)?) -> $answer:ty
            = |$client:ident, $cleanup:pat_param| $call:expr;
        )*
        $(#[written_out] { $($method:tt)* })?
    ) => {
        #[pymethods]
        #[allow(clippy::too_many_arguments, reason = "keyword arguments of the Python methods")]
        impl $class {
            $(
                #[pyo3(signature = $signature)]
                fn $verb<'py>(&self, py: Python<'py>, $($argument: $kind),*) -> PyResult<Bound<'py, PyAny>> {
                    let ($client, $cleanup) = (self, Cleanup::Detached);
                    spawn(py, $call?)
                }

                #[pyo3(signature = $signature)]
                fn $verb_sync(&self, py: Python<'_>, $($argument: $kind),*) -> PyResult<$answer> {
                    let ($client, $cleanup) = (self, Cleanup::Awaited);
                    block(py, $call?)
                }
            )*
            $($($method)*)?
        }
    };
}

pub(crate) use twins;
