//! How the services say no: status, code and message.
//!
//! Codes, statuses and messages of the business errors are those of the vendor's pages "Error messages" of RAM
//! (2015-05-01), of the gateway errors those of the vendor's common error codes. Does not know HTTP.

use std::borrow::Cow;

/// A refusal, as the service words it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("HTTP {status} {code}: {message}")]
pub struct ServiceError {
    /// HTTP status.
    pub status: u16,
    /// `Code` in the body: what a client decides by.
    pub code: Cow<'static, str>,
    /// `Message` in the body.
    pub message: Cow<'static, str>,
    /// `x-acs-retry-after` in milliseconds, where the service gives one.
    pub retry_after_ms: Option<u64>,
}

impl ServiceError {
    const fn documented(status: u16, code: &'static str, message: &'static str) -> Self {
        Self { status, code: Cow::Borrowed(code), message: Cow::Borrowed(message), retry_after_ms: None }
    }

    /// A refusal whose texts are put together at run time.
    pub fn new(status: u16, code: impl Into<Cow<'static, str>>, message: impl Into<Cow<'static, str>>) -> Self {
        Self { status, code: code.into(), message: message.into(), retry_after_ms: None }
    }

    /// A parameter that must be there is not.
    #[must_use]
    pub fn missing(parameter: &str) -> Self {
        Self::new(400, format!("Missing{parameter}"), format!("{parameter} is mandatory for this action."))
    }

    /// A parameter outside its range or its list of values.
    #[must_use]
    pub fn invalid(parameter: &str) -> Self {
        let message = format!("The parameter - \"{parameter}\" is incorrect.");
        Self::new(400, format!("InvalidParameter.{parameter}"), message)
    }

    /// A parameter with a character that its rule does not allow.
    #[must_use]
    pub fn invalid_chars(parameter: &str) -> Self {
        let message = format!("The parameter - \"{parameter}\" contains invalid chars.");
        Self::new(400, format!("InvalidParameter.{parameter}.InvalidChars"), message)
    }

    /// A parameter that is too short or too long.
    #[must_use]
    pub fn invalid_length(parameter: &str) -> Self {
        let message = format!("The parameter - \"{parameter}\" beyond the length limit.");
        Self::new(400, format!("InvalidParameter.{parameter}.Length"), message)
    }

    /// A parameter that does not have its form.
    #[must_use]
    pub fn invalid_format(parameter: &str) -> Self {
        let message = format!("The format of the parameter - \"{parameter}\" is incorrect.");
        Self::new(400, format!("InvalidParameter.{parameter}.Format"), message)
    }

    /// A permission or trust policy that is not valid.
    pub fn malformed_document(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::new(400, "MalformedPolicyDocument", reason)
    }

    /// ResourceManager's spelling of "does not exist" has an s more than RAM's.
    #[must_use]
    pub fn spelled_by_resource_manager(mut self) -> Self {
        if let Some(entity) = self.code.strip_prefix("EntityNotExist.") {
            self.code = format!("EntityNotExists.{entity}").into();
        }
        self
    }
}

macro_rules! documented {
    ($($name:ident = $status:literal, $code:literal, $message:literal;)*) => {
        $(#[doc = concat!("`", $code, "`, HTTP ", stringify!($status), ".")]
        pub(super) const $name: ServiceError = ServiceError::documented($status, $code, $message);)*
    };
}

documented! {
    THROTTLED = 400, "Throttling.User", "Request was denied due to user flow control.";
    NONCE_USED = 400, "SignatureNonceUsed", "Specified signature nonce was used already.";
    TIMESTAMP_EXPIRED = 400, "InvalidTimeStamp.Expired", "Specified time stamp or date value is expired.";
    TIMESTAMP_FORMAT = 400, "InvalidTimeStamp.Format", "Specified time stamp or date value is not well formatted.";
    KEY_NOT_FOUND = 404, "InvalidAccessKeyId.NotFound", "Specified access key is not found.";
    KEY_INACTIVE = 400, "InvalidAccessKeyId.Inactive", "Specified access key is disabled.";
    TOKEN_EXPIRED = 400, "InvalidSecurityToken.Expired", "Specified SecurityToken is expired.";
    TOKEN_MALFORMED = 400, "InvalidSecurityToken.Malformed", "Specified SecurityToken is malformed.";
    TOKEN_MISMATCH = 400, "InvalidSecurityToken.MismatchWithAccessKey", "Specified SecurityToken mismatch with the AccessKey.";
    API_NOT_FOUND = 404, "InvalidApi.NotFound", "Specified api is not found, please check your url and method.";
    METHOD_NOT_ALLOWED = 400, "UnsupportedHTTPMethod", "This http method is not supported.";
    INTERNAL_ERROR = 500, "InternalError", "The request processing has failed due to some unknown error.";
    UNAVAILABLE = 503, "ServiceUnavailable", "The request has failed due to a temporary failure of the server.";
    NO_PERMISSION = 403, "NoPermission", "You are not authorized to do this action.";
    TOKEN_NOT_TRUSTED = 403, "AuthenticationFail.NoPermission", "This operation is forbidden by permission system.";
    ROOT_CANNOT_ASSUME = 403, "NoPermission", "Roles may not be assumed by root accounts.";
    USER_NOT_EXIST = 404, "EntityNotExist.User", "The user does not exist.";
    GROUP_NOT_EXIST = 404, "EntityNotExist.Group", "The group does not exist.";
    ROLE_NOT_EXIST = 404, "EntityNotExist.Role", "The role does not exist.";
    POLICY_NOT_EXIST = 404, "EntityNotExist.Policy", "The policy does not exist.";
    VERSION_NOT_EXIST = 404, "EntityNotExist.Policy.Version", "The policy version does not exist.";
    RESOURCE_GROUP_NOT_EXIST = 404, "EntityNotExist.ResourceGroup", "The resource group does not exist.";
    USER_GROUP_NOT_EXIST = 404, "EntityNotExist.User.Group", "The user has not joined the group.";
    USER_POLICY_NOT_EXIST = 404, "EntityNotExist.User.Policy", "The indicate policy of the user does not exist.";
    GROUP_POLICY_NOT_EXIST = 404, "EntityNotExist.Group.Policy", "The indicate policy attached to the group does not exist.";
    ROLE_POLICY_NOT_EXIST = 404, "EntityNotExist.Role.Policy", "The indicate policy attached to the role does not exist.";
    ACCESS_KEY_NOT_EXIST = 404, "EntityNotExist.User.AccessKey", "The user access key does not exist.";
    LOGIN_PROFILE_NOT_EXIST = 404, "EntityNotExist.User.LoginProfile", "The user login profile does not exist.";
    USER_MFA_DEVICE_NOT_EXIST = 404, "EntityNotExist.User.MFADevice", "The user has not bound any MFA device.";
    MFA_DEVICE_NOT_EXIST = 404, "EntityNotExist.VirtualMFADevice", "The virtual mfa device does not exist.";
    REGION_NOT_FOUND = 404, "InvalidRegionId.NotFound", "The specified RegionId does not exist.";
    INSTANCE_NOT_FOUND = 404, "InvalidInstanceId.NotFound", "The specified InstanceId does not exist.";
    INSTANCE_IDS_MALFORMED = 400, "InvalidInstanceIds.Malformed", "The amount of specified instance Ids exceeds the limit, or they are no JSON array.";
    INSTANCE_NOT_STOPPED = 403, "IncorrectInstanceStatus", "The current status of the resource does not support this operation.";
    RAM_ROLE_NOT_FOUND = 404, "InvalidRamRole.NotFound", "The specified RAM role does not exist.";
    ALIAS_NOT_EXIST = 404, "EntityNotExist.AccountAlias", "The account alias does not exist.";
    SAML_PROVIDER_NOT_FOUND = 404, "EntityNotExist.SAMLProviderError", "The SAML provider does not exist.";
    SAML_PROVIDER_NOT_EXIST = 404, "EntityNotExist.SAMLProvider", "The SAML provider does not exist.";
    OIDC_PROVIDER_NOT_EXIST = 404, "EntityNotExist.OIDCProvider", "The OIDC provider does not exist.";
    SAML_PROVIDER_EXISTS = 409, "EntityAlreadyExists.SAMLProvider", "The SAML provider does already exist.";
    OIDC_PROVIDER_EXISTS = 409, "EntityAlreadyExists.OIDCProvider", "The OIDC provider does already exist.";
    ISSUER_EXISTS = 409, "EntityAlreadyExists.OIDCProvider.IssuerUrl", "The issuer URL does already exist.";
    USER_EXISTS = 409, "EntityAlreadyExists.User", "The user does already EXIST.";
    GROUP_EXISTS = 409, "EntityAlreadyExists.Group", "The group does already EXIST.";
    ROLE_EXISTS = 409, "EntityAlreadyExists.Role", "The role does already EXIST.";
    POLICY_EXISTS = 409, "EntityAlreadyExists.Policy", "The policy does already EXIST.";
    USER_GROUP_EXISTS = 409, "EntityAlreadyExists.User.Group", "The user has already joined the group.";
    USER_POLICY_EXISTS = 409, "EntityAlreadyExists.User.Policy", "The user has already been attached this policy.";
    GROUP_POLICY_EXISTS = 409, "EntityAlreadyExists.Group.Policy", "The group has already been attached this policy.";
    ROLE_POLICY_EXISTS = 409, "EntityAlreadyExists.Role.Policy", "The role has already been attached this policy.";
    LOGIN_PROFILE_EXISTS = 409, "EntityAlreadyExists.User.LoginProfile", "The user login profile does already EXIST.";
    USER_MFA_DEVICE_EXISTS = 409, "EntityAlreadyExists.User.MFADevice", "The user has already bound a MFA device.";
    MFA_DEVICE_EXISTS = 409, "EntityAlreadyExists.VirtualMFADevice", "The virtual mfa device does already EXIST.";
    MFA_DEVICE_BOUND = 409, "EntityAlreadyExists.VirtualMFADevice.User", "The virtual mfa device does already been bound to a user.";
    ALIAS_EXISTS = 409, "EntityAlreadyExists.AccountAlias", "The account alias does already exist.";
    USER_IN_GROUP = 409, "DeleteConflict.User.Group", "The user CAN NOT be in any group while deleting the user.";
    USER_HAS_POLICY = 409, "DeleteConflict.User.Policy", "The user CAN NOT has any attached policy while deleting the user.";
    USER_HAS_KEY = 409, "DeleteConflict.User.AccessKey", "The user CAN NOT has any access key while deleting the user.";
    USER_HAS_LOGIN_PROFILE = 409, "DeleteConflict.User.LoginProfile", "The user CAN NOT has any login profile while deleting the user.";
    USER_HAS_MFA_DEVICE = 409, "DeleteConflict.User.MFADevice", "The user CAN NOT has any mfa device while deleting the user.";
    MFA_DEVICE_HAS_USER = 409, "DeleteConflict.VirtualMFADevice.User", "The virtual mfa device CAN NOT been bound to any user while deleting it.";
    GROUP_HAS_USER = 409, "DeleteConflict.Group.User", "The group CAN NOT has any user member while deleting the group.";
    GROUP_HAS_POLICY = 409, "DeleteConflict.Group.Policy", "The entity CAN NOT has any attached policy while deleting the group.";
    ROLE_HAS_POLICY = 409, "DeleteConflict.Role.Policy", "The role CAN NOT has any attached policy while deleting the role.";
    POLICY_ON_USER = 409, "DeleteConflict.Policy.User", "The policy CAN NOT been attached to any user while deleting the policy.";
    POLICY_ON_GROUP = 409, "DeleteConflict.Policy.Group", "The policy CAN NOT been attached to any group while deleting the policy.";
    POLICY_ON_ROLE = 409, "DeleteConflict.Policy.Role", "The policy CAN NOT been attached to any role while deleting the policy.";
    POLICY_HAS_VERSIONS = 409, "DeleteConflict.Policy.Version", "The policy CAN NOT has any version except the default version.";
    VERSION_IS_DEFAULT = 409, "DeleteConflict.Policy.Version.Default", "The default policy version CAN NOT been deleted directly.";
    TOO_MANY_USERS = 409, "LimitExceeded.User", "The count of users beyond the current limits.";
    TOO_MANY_GROUPS = 409, "LimitExceeded.Group", "The count of groups beyond the current limits.";
    TOO_MANY_ROLES = 409, "LimitExceeded.Role", "The count of roles beyond the current limits.";
    TOO_MANY_POLICIES = 409, "LimitExceeded.Policy", "The count of policies beyond the current limits.";
    TOO_MANY_VERSIONS = 409, "LimitExceeded.Policy.Version", "The version count of the policy versions beyond the current limits.";
    TOO_MANY_KEYS_OF_USER = 409, "LimitExceeded.User.AccessKey", "The access key count of the user access keys beyond the current limits.";
    TOO_MANY_MFA_DEVICES = 409, "LimitExceeded.VirtualMFADevice", "The count of virtual mfa devices beyond the current limits.";
    TOO_MANY_GROUPS_OF_USER = 409, "LimitExceeded.User.Group", "The group count of the user joined groups beyond the current limits.";
    TOO_MANY_POLICIES_ON_USER = 409, "LimitExceeded.User.Policy", "The policy count of the user attached policies beyond the current limits.";
    TOO_MANY_POLICIES_ON_GROUP = 409, "LimitExceeded.Group.Policy", "The policy count of the group attached policies beyond the current limits.";
    TOO_MANY_POLICIES_ON_ROLE = 409, "LimitExceeded.Role.Policy", "The policy count of the role attached policies beyond the current limits.";
}
