//! Access keys: one listing a user.

use super::{status_word, user_details::UserDetail};
use crate::{
    alicloud::{Session, sign_in},
    model::{Listing, access_key::AccessKey},
};

impl UserDetail for AccessKey {
    type Item = sign_in::AccessKey;

    async fn read(session: &Session, principal_name: &str) -> Listing<sign_in::AccessKey> {
        sign_in::list_access_keys(session, principal_name).await
    }

    fn of(user_id: &str, listed: sign_in::AccessKey) -> Option<Self> {
        Some(Self {
            access_key_id: listed.access_key_id,
            user_id: user_id.to_owned(),
            status: status_word(listed.status),
            create_date: listed.create_date.map(Into::into),
            update_date: listed.update_date.map(Into::into),
        })
    }
}
