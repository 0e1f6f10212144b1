//! An AccessKey by value or in files. If anything of it is given, it stands alone: nothing is mixed in from the variables.

use std::path::PathBuf;

use super::super::reader::Reader;
use super::chain::HOW;
use super::{AccessKey, Source};
use crate::secret::Secret;

const VALUES: [&str; 3] = ["credentials.access_key_id", "credentials.access_key_secret", "credentials.security_token"];
const FILES: [&str; 3] =
    ["credentials.access_key_id_file", "credentials.access_key_secret_file", "credentials.security_token_file"];

/// Every key of this source.
pub(super) const ALL: &[&str] = &[VALUES[0], VALUES[1], VALUES[2], FILES[0], FILES[1], FILES[2]];

/// What was given of it.
pub(super) struct Keys {
    by_value: [Option<Secret>; 3],
    in_files: [Option<PathBuf>; 3],
}

impl Keys {
    pub(super) fn read(r: &mut Reader<'_>) -> Self {
        Self { by_value: VALUES.map(|key| r.hidden(key)), in_files: FILES.map(|key| r.secret_file(key)) }
    }

    /// `None` comes with a problem.
    pub(super) fn complete(self, r: &mut Reader<'_>) -> Option<Source> {
        let given = |keys: [&str; 3]| keys.iter().any(|key| r.is_given(key));
        match (given(VALUES), given(FILES)) {
            (true, true) => {
                r.fault("credentials", "an AccessKey is given partly by value and partly by file", HOW);
                None
            }
            (_, true) => {
                let [id, secret, security_token] = self.in_files;
                let (access_key_id, access_key_secret) = pair(r, (FILES[0], id), (FILES[1], secret))?;
                Some(Source::Files { access_key_id, access_key_secret, security_token })
            }
            (_, false) => {
                let [id, secret, security_token] = self.by_value;
                let (id, access_key_secret) = pair(r, (VALUES[0], id), (VALUES[1], secret))?;
                let access_key_id = id.expose().to_owned();
                Some(Source::Values(AccessKey { access_key_id, access_key_secret, security_token }))
            }
        }
    }
}

/// Both, or a problem: a half that was given and cannot be read has its own already.
fn pair<T>(r: &mut Reader<'_>, id: (&str, Option<T>), secret: (&str, Option<T>)) -> Option<(T, T)> {
    for (key, other) in [(id.0, secret.0), (secret.0, id.0)] {
        if !r.is_given(key) {
            r.missing(key, format!("{other} needs it: give both"));
        }
    }
    id.1.zip(secret.1)
}
