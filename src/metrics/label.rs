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
        /// Nothing could be read; that alone was published.
        Failed = "failed",
        /// It was given up: Kafka could not take it, or the state or its owner was another one by then.
        Unpublished = "unpublished",
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

label! {
    /// What a Kafka transaction was for.
    Purpose {
        /// To own the account.
        Claim = "claim",
        /// A sync.
        Sync = "sync",
        /// To tell that much seems to be gone, before it is proven.
        Suspicion = "suspicion",
        /// A replay, and what became of requests.
        Request = "request",
        /// To let go of the account.
        Release = "release",
    }
}

label! {
    /// What the daemon is doing.
    Phase {
        /// Getting there: topics, schemas, the state.
        Starting = "starting",
        /// The state is verified, the claim is not committed yet.
        Claiming = "claiming",
        /// It owns the account and publishes.
        Running = "running",
        /// It owns the account, and the last attempt to publish has failed.
        Failing = "failing",
        /// Another copy owns the account.
        Parked = "parked",
        /// Nothing may be published until somebody looks at it.
        Refused = "refused",
        /// Something that is needed cannot be reached.
        Unavailable = "unavailable",
    }
}

label! {
    /// How an exchange for temporary credentials ended.
    ExchangeOutcome {
        /// There are new ones.
        Ok = "ok",
        /// There are not.
        Failed = "failed",
    }
}

label! {
    /// What the registry said of a schema.
    LookupOutcome {
        /// Its id.
        Ok = "ok",
        /// No: another schema, none, or no right to ask.
        Refused = "refused",
        /// Nothing.
        Unreachable = "unreachable",
    }
}

label! {
    /// What was asked for.
    Action {
        /// The published state once more.
        Replay = "replay",
        /// A sync now.
        Sync = "sync",
    }
}

label! {
    /// How a request ended.
    RequestOutcome {
        /// What it asked for was done.
        Completed = "completed",
        /// It was not acceptable.
        Rejected = "rejected",
        /// Its time had passed.
        Expired = "expired",
        /// It was cancelled while it waited.
        Cancelled = "cancelled",
    }
}
