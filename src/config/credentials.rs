//! `[credentials]`: an AccessKey by value or in files, or Alibaba Cloud's own variables.
//!
//! The section, if anything of it is given, stands alone: nothing is mixed in from the variables.

use std::path::PathBuf;

use super::reader::Reader;
use crate::secret::Secret;

const ID_VARIABLE: &str = "ALIBABA_CLOUD_ACCESS_KEY_ID";
const SECRET_VARIABLE: &str = "ALIBABA_CLOUD_ACCESS_KEY_SECRET";
const TOKEN_VARIABLE: &str = "ALIBABA_CLOUD_SECURITY_TOKEN";

const HOW: &str = "give both access_key_id and access_key_secret, or both access_key_id_file and \
                   access_key_secret_file, or the variables ALIBABA_CLOUD_ACCESS_KEY_ID and \
                   ALIBABA_CLOUD_ACCESS_KEY_SECRET";

/// Where the AccessKey comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credentials {
    /// The values themselves.
    Static {
        /// The AccessKeyId.
        access_key_id: String,
        /// The AccessKeySecret.
        access_key_secret: Secret,
        /// The token of temporary (STS) credentials.
        security_token: Option<Secret>,
    },
    /// Files to read the values from, again whenever they change.
    Files {
        /// Holds the AccessKeyId.
        access_key_id: PathBuf,
        /// Holds the AccessKeySecret.
        access_key_secret: PathBuf,
        /// Holds the token of temporary (STS) credentials.
        security_token: Option<PathBuf>,
    },
}

impl Credentials {
    /// `None` comes with a problem.
    pub(super) fn read(r: &mut Reader<'_>) -> Option<Self> {
        let by_value = (
            r.hidden("credentials.access_key_id"),
            r.hidden("credentials.access_key_secret"),
            r.hidden("credentials.security_token"),
        );
        let in_files = (
            r.secret_file("credentials.access_key_id_file"),
            r.secret_file("credentials.access_key_secret_file"),
            r.secret_file("credentials.security_token_file"),
        );
        let values_given = given(r, ["access_key_id", "access_key_secret", "security_token"]);
        let files_given = given(r, ["access_key_id_file", "access_key_secret_file", "security_token_file"]);
        if values_given && files_given {
            r.fault("credentials", "values and files are mixed", HOW);
            return None;
        }
        if values_given {
            let (id, secret, token) = by_value;
            let (id, secret) = (("credentials.access_key_id", id), ("credentials.access_key_secret", secret));
            return pair(r, id, secret).map(|(id, access_key_secret)| Self::Static {
                access_key_id: id.expose().to_owned(),
                access_key_secret,
                security_token: token,
            });
        }
        if files_given {
            let (id, secret, security_token) = in_files;
            let (id, secret) = (("credentials.access_key_id_file", id), ("credentials.access_key_secret_file", secret));
            return pair(r, id, secret).map(|(access_key_id, access_key_secret)| Self::Files {
                access_key_id,
                access_key_secret,
                security_token,
            });
        }
        from_variables(r)
    }
}

fn given(r: &Reader<'_>, names: [&str; 3]) -> bool {
    names.iter().any(|name| r.is_given(&format!("credentials.{name}")))
}

/// Both, or a problem: a half that was given and cannot be read has its own already.
fn pair<T>(r: &mut Reader<'_>, id: (&str, Option<T>), secret: (&str, Option<T>)) -> Option<(T, T)> {
    for (key, other) in [(id.0, secret.0), (secret.0, id.0)] {
        if !r.is_given(key) {
            r.missing(key, format!("it belongs to {other}: give both"));
        }
    }
    id.1.zip(secret.1)
}

fn from_variables(r: &mut Reader<'_>) -> Option<Credentials> {
    let id = r.stand_in(ID_VARIABLE, "credentials.access_key_id");
    let secret = r.stand_in(SECRET_VARIABLE, "credentials.access_key_secret");
    let token = r.stand_in(TOKEN_VARIABLE, "credentials.security_token");
    match (id, secret) {
        (Some(id), Some(secret)) => Some(Credentials::Static {
            access_key_id: id.to_owned(),
            access_key_secret: Secret::new(secret),
            security_token: token.map(Secret::new),
        }),
        (None, None) => {
            r.fault("credentials", "no credentials are given", HOW);
            None
        }
        (id, _) => {
            let (set, unset) =
                if id.is_some() { (ID_VARIABLE, SECRET_VARIABLE) } else { (SECRET_VARIABLE, ID_VARIABLE) };
            r.fault("credentials", format!("{set} is set, but {unset} is not"), format!("set {unset} too"));
            None
        }
    }
}
