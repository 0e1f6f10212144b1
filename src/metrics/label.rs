//! The label values that are known beforehand.

macro_rules! label {
    ($(#[$doc:meta])* $name:ident { $($(#[$value_doc:meta])* $value:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $($(#[$value_doc])* $value,)* }

        impl $name {
            pub(super) const ALL: &[Self] = &[$(Self::$value,)*];

            pub(super) fn as_str(self) -> &'static str {
                match self { $(Self::$value => $text,)* }
            }
        }
    };
}

label! {
    /// How a sync ended.
    SyncOutcome {
        /// Every collection was read completely.
        Complete = "complete",
        /// Something is unknown.
        Partial = "partial",
        /// Nothing was published.
        Failed = "failed",
    }
}

label! {
    /// How one call (one attempt) of the cloud ended.
    CallOutcome {
        /// Answered.
        Ok = "ok",
        /// Refused for its rate; tried again.
        Throttled = "throttled",
        /// The credentials may not.
        Denied = "denied",
        /// The credentials are not accepted.
        Unauthenticated = "unauthenticated",
        /// The thing asked for does not exist.
        NotFound = "not_found",
        /// No answer, a time-out or a 5xx; tried again.
        Unavailable = "unavailable",
        /// Anything else: an answer that breaks the rules, an unknown error code.
        Protocol = "protocol",
    }
}

label! {
    /// What a published change did to its entity; the words are those of the event's `op`.
    Op {
        /// It is new.
        Create = "c",
        /// It changed.
        Update = "u",
        /// It is gone.
        Delete = "d",
        /// It was there when looking began (baseline).
        Read = "r",
    }
}

label! {
    /// How a Kafka transaction ended.
    TransactionOutcome {
        /// Committed.
        Committed = "committed",
        /// Not committed, or not known to be.
        Failed = "failed",
        /// Not committed because another copy owns the account.
        Superseded = "superseded",
    }
}
