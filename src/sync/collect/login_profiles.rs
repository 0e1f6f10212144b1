//! Login profiles: each user has one, or none.

use super::{status_word, user_details::UserDetail};
use crate::{
    alicloud::{Session, sign_in},
    model::{Listing, login_profile::LoginProfile},
};

impl UserDetail for LoginProfile {
    type Item = sign_in::LoginProfile;

    async fn read(session: &Session, principal_name: &str) -> Listing<sign_in::LoginProfile> {
        sign_in::get_login_profile(session, principal_name).await
    }

    fn of(user_id: &str, read: sign_in::LoginProfile) -> Option<Self> {
        Some(Self {
            user_id: user_id.to_owned(),
            status: status_word(read.status),
            mfa_bind_required: read.mfa_bind_required,
            password_reset_required: read.password_reset_required,
            update_date: read.update_date.map(Into::into),
        })
    }
}
