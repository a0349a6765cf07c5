//! The values of labels.

use crate::error::Error;

/// Makes an enum whose variants are the values of a label.
macro_rules! label {
    ($(#[$of_enum:meta])* $name:ident { $($(#[$of_variant:meta])* $variant:ident => $text:literal,)+ }) => {
        $(#[$of_enum])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name {
            $($(#[$of_variant])* $variant,)+
        }

        impl $name {
            /// All of them, in their order.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The value of the label.
            #[must_use]
            pub fn label(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }
    };
}

label! {
    /// The result of a create.
    CreateResult {
        /// The service is new.
        Created => "created",
        /// The service of the same task existed already.
        Adopted => "adopted",
        /// The same service of another task existed already.
        Shared => "shared",
        /// The configuration names a service that exists.
        Attached => "attached",
        /// The configuration, or the platform's limits, do not allow it.
        Invalid => "invalid",
        /// The name belongs to another service.
        Conflict => "conflict",
        /// The account lacks a permission.
        Forbidden => "forbidden",
        /// Something that must exist does not, such as the namespace.
        NotFound => "not_found",
        /// The API server refused the objects.
        Rejected => "rejected",
        /// The API server did not answer in time.
        Unavailable => "unavailable",
        /// The caller gave up.
        Cancelled => "cancelled",
        /// Another error, such as a kubeconfig that cannot be read.
        Error => "error",
    }
}

label! {
    /// Where the answer of a poll comes from.
    PollSource {
        /// The watches have reported all of it.
        Memory => "memory",
        /// The API server was asked.
        Read => "read",
    }
}

label! {
    /// Why a service was ended, or put to sleep.
    Reap {
        /// Its last run has succeeded.
        RunSucceeded => "run_succeeded",
        /// Its last run has failed.
        RunFailed => "run_failed",
        /// Its last run was aborted, or is gone.
        RunAborted => "run_aborted",
        /// Its `ttl` is over.
        Ttl => "ttl",
        /// No run has used it for as long as its lifetime allows.
        Idle => "idle",
        /// The same, and it was put to sleep.
        Slept => "slept",
        /// It had failed, and was kept for a while.
        KeptExpired => "kept_expired",
    }
}

impl From<&Error> for CreateResult {
    fn from(error: &Error) -> Self {
        match error.cause() {
            Error::InvalidSpec { .. } => Self::Invalid,
            Error::Conflict { .. } | Error::NotOwned { .. } | Error::Unchanged { .. } => Self::Conflict,
            Error::Forbidden { .. } => Self::Forbidden,
            Error::NotFound { .. } => Self::NotFound,
            Error::Rejected { .. } => Self::Rejected,
            Error::Unavailable { .. } | Error::Timeout { .. } => Self::Unavailable,
            Error::Partial { .. } | Error::Bug { .. } | Error::Cluster { .. } => Self::Error,
        }
    }
}
