//! From what came back to what the operator should do.

use schema_registry_converter::error::SRCError;
use schema_registry_converter::schema_registry_common::RawError;

use super::super::error::RegistryError;
use super::RegistryAuth;

/// A request that did not bring what was asked for.
pub(super) enum Failure {
    /// No answer, or one that means "later". Another address, or another try, may help.
    Later(String),
    /// An answer with a status that is not a success; `code` is the registry's own, 0 if it gave none.
    Answered { status: u16, code: u32, text: String },
    /// An answer that makes no sense here.
    Unusable(String),
}

impl Failure {
    /// Too many requests, or the server's own trouble.
    pub(super) fn from_status(status: u16, code: u32, text: String) -> Self {
        match status {
            429 | 500..=599 => Self::Later(format!("status {status}: {text}")),
            _ => Self::Answered { status, code, text },
        }
    }

    /// The converter keeps the status in its own text only, and calls 429 and 500 final.
    pub(super) fn from_converter(error: SRCError) -> Self {
        let answered = std::error::Error::source(&error).and_then(|source| source.downcast_ref::<RawError>());
        let status = error.error.split_once("failed with status ").and_then(|(_, rest)| rest.get(..3)?.parse().ok());
        match (answered, status) {
            (Some(raw), Some(status)) => Self::from_status(status, raw.error_code, raw.message.clone()),
            _ if error.retriable => Self::Later(with_cause(&error)),
            _ => Self::Unusable(with_cause(&error)),
        }
    }

    fn harmless(mut self, auth: &RegistryAuth) -> Self {
        let (Self::Later(text) | Self::Answered { text, .. } | Self::Unusable(text)) = &mut self;
        if auth.is_in(text) {
            "the answer repeats the credentials, and is not shown".clone_into(text);
        }
        self
    }

    /// The registry's own word for "there is no such thing".
    pub(super) fn is_absence(&self) -> bool {
        matches!(self, Self::Answered { status: 404, code: 1.., .. })
    }

    /// Names subject, address, reason and mend. Registries differ in their codes for "incompatible" and
    /// agree on the status; on "not found" they differ in both, so every 404 with a code of theirs is one.
    ///
    /// Whatever answers may repeat what it was sent: a text that holds the credentials of `auth` is left out.
    pub(super) fn explain(self, subject: &str, url: &str, auth: &RegistryAuth) -> RegistryError {
        let (subject, url) = (subject.to_owned(), url.to_owned());
        match self.harmless(auth) {
            Self::Later(reason) => RegistryError::Unreachable { subject, url, reason },
            Self::Unusable(reason) => RegistryError::Rejected { subject, url, reason },
            Self::Answered { status: 401 | 403, text, .. } => RegistryError::Denied { subject, url, reason: text },
            Self::Answered { status: 409, text, .. } => RegistryError::Incompatible { subject, url, reason: text },
            Self::Answered { status: 404, code: 1.., .. } => RegistryError::NotRegistered { subject, url },
            Self::Answered { status, text, .. } => {
                RegistryError::Rejected { subject, url, reason: format!("status {status}: {text}") }
            }
        }
    }
}

fn with_cause(error: &SRCError) -> String {
    let mut text = error.error.clone();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, code: u32) -> RegistryError {
        Failure::from_status(status, code, "reason".to_owned()).explain("t-value", "http://r", &RegistryAuth::None)
    }

    #[test]
    fn an_answer_that_repeats_the_credentials_is_not_shown() {
        let basic = || RegistryAuth::Basic { username: "key".to_owned(), password: "hunter2".to_owned() };
        let bearer = || RegistryAuth::Bearer { token: "t0ken".to_owned() };
        for (auth, echoed) in [(basic(), "hunter2"), (basic(), "a2V5Omh1bnRlcjI="), (bearer(), "t0ken")] {
            let failure = Failure::from_status(403, 40301, format!("you sent {echoed}"));
            let told = failure.explain("t-value", "http://r", &auth).to_string();
            assert!(told.contains("is not shown") && !told.contains(echoed), "{told}");
        }
        let told = Failure::from_status(403, 40301, "no".to_owned()).explain("t-value", "http://r", &basic());
        assert!(told.to_string().contains(": no;"), "{told}");
    }

    #[test]
    fn each_answer_leads_to_what_the_operator_can_do() {
        assert!(matches!(answer(401, 0), RegistryError::Denied { .. }));
        assert!(matches!(answer(403, 40301), RegistryError::Denied { .. }));
        assert!(matches!(answer(404, 40403), RegistryError::NotRegistered { .. }));
        assert!(matches!(answer(409, 409), RegistryError::Incompatible { .. }));
        assert!(matches!(answer(422, 42201), RegistryError::Rejected { .. }));
        assert!(matches!(answer(429, 0), RegistryError::Unreachable { .. }));
        assert!(matches!(answer(500, 50001), RegistryError::Unreachable { .. }));
    }

    #[test]
    fn a_404_that_is_no_registry_s_is_a_wrong_address() {
        assert!(answer(404, 0).to_string().contains("check that the address is the base of its Confluent API"));
    }
}
