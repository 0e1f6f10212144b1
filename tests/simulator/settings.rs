//! Settings of the whole account and identity providers: what a write changes, and what is refused.

use serde_json::{Value, json};

use crate::client::{IMS, RAM, unthrottled, world};

#[tokio::test]
async fn a_setting_that_is_not_sent_stays_as_it_is() {
    let world = world(unthrottled()).await;
    let policy = async || world.call(IMS, "GetPasswordPolicy", &[]).await.done()["PasswordPolicy"].clone();
    let before = policy().await;
    world.call(IMS, "SetPasswordPolicy", &[("MaxLoginAttemps", "3"), ("HardExpire", "true")]).await.done();
    let mut expected = before;
    (expected["MaxLoginAttemps"], expected["HardExpire"]) = (json!(3), json!(true));
    assert_eq!(policy().await, expected);

    let preference = async || world.call(IMS, "GetSecurityPreference", &[]).await.done()["SecurityPreference"].clone();
    let mut expected = preference().await;
    let sent = [("LoginNetworkMasks", "10.0.0.0/8;192.0.2.0/24"), ("VerificationTypes", r#"["sms"]"#)];
    world.call(IMS, "SetSecurityPreference", &sent).await.done();
    expected["LoginProfilePreference"]["LoginNetworkMasks"] = json!("10.0.0.0/8;192.0.2.0/24");
    expected["VerificationPreference"]["VerificationTypes"] = json!(["sms"]);
    assert_eq!(preference().await, expected);
}

#[tokio::test]
async fn settings_out_of_their_range_are_refused() {
    let world = world(unthrottled()).await;
    for (action, name, value) in [
        ("SetPasswordPolicy", "MinimumPasswordLength", "33"),
        ("SetPasswordPolicy", "RequireNumbers", "yes"),
        ("SetSecurityPreference", "LoginSessionDuration", "25"),
        ("SetSecurityPreference", "LoginNetworkMasks", "everywhere"),
        ("SetSecurityPreference", "MFAOperationForLogin", "never"),
        ("SetSecurityPreference", "MaxIdleDaysForUsers", "100"),
        ("SetSecurityPreference", "VerificationTypes", "sms"),
    ] {
        world.call(IMS, action, &[(name, value)]).await.refused(400, &format!("InvalidParameter.{name}"));
    }
}

#[tokio::test]
async fn the_default_domain_is_the_alias() {
    let world = world(unthrottled()).await;
    let domain = [("DefaultDomainName", "acme.onaliyun.com")];
    world.call(IMS, "SetDefaultDomain", &domain).await.done();
    assert_eq!(world.call(RAM, "GetAccountAlias", &[]).await.done()["AccountAlias"], "acme");
    let own = format!("{}.onaliyun.com", world.running.account_id);
    world.call(IMS, "SetDefaultDomain", &[("DefaultDomainName", &own)]).await.done();
    assert_eq!(world.account().await["alias"], Value::Null);
    let elsewhere = [("DefaultDomainName", "acme.example.com")];
    world.call(IMS, "SetDefaultDomain", &elsewhere).await.refused(400, "InvalidParameter.DefaultDomainName.Format");
}

#[tokio::test]
async fn the_control_address_gives_the_root_user_a_second_factor() {
    let world = world(unthrottled()).await;
    for enabled in [false, true] {
        world.control(reqwest::Method::POST, "/root-mfa", json!({ "enabled": enabled })).await;
        assert_eq!(world.call(IMS, "GetAccountMFAInfo", &[]).await.done()["IsMFAEnable"], enabled);
    }
}

#[tokio::test]
async fn a_listing_of_saml_providers_shows_no_metadata_and_the_two_types_do_not_mix() {
    let world = world(unthrottled()).await;
    let create = [("SAMLProviderName", "okta"), ("EncodedSAMLMetadataDocument", "PG0vPg==")];
    world.call(IMS, "CreateSAMLProvider", &create).await.done();
    world.call(IMS, "CreateSAMLProvider", &create).await.refused(409, "EntityAlreadyExists.SAMLProvider");
    let listed = world.call(IMS, "ListSAMLProviders", &[]).await.done();
    let rows = listed["SAMLProviders"]["SAMLProvider"].as_array().unwrap().clone();
    let okta = rows.iter().find(|row| row["SAMLProviderName"] == "okta").unwrap();
    assert_eq!(okta["Arn"], format!("acs:ram::{}:saml-provider/okta", world.running.account_id));
    assert_eq!(okta.get("EncodedSAMLMetadataDocument"), None);
    assert!(rows.iter().all(|row| row.get("OIDCProviderName").is_none()), "{rows:?}");
    let detail = world.call(IMS, "GetSAMLProvider", &create[..1]).await.done();
    assert_eq!(detail["SAMLProvider"]["EncodedSAMLMetadataDocument"], "PG0vPg==");
    let broken = [create[0], ("NewEncodedSAMLMetadataDocument", "<m/>")];
    world
        .call(IMS, "UpdateSAMLProvider", &broken)
        .await
        .refused(400, "InvalidParameter.NewEncodedSAMLMetadataDocument");
    world.call(IMS, "DeleteSAMLProvider", &create[..1]).await.done();
    world.call(IMS, "DeleteSAMLProvider", &create[..1]).await.refused(404, "EntityNotExist.SAMLProvider");
}

#[tokio::test]
async fn client_ids_and_fingerprints_come_and_go_one_by_one() {
    let world = world(unthrottled()).await;
    let name = ("OIDCProviderName", "actions");
    let create = [name, ("IssuerUrl", "https://actions.example.com"), ("ClientIds", "b,a"), ("Fingerprints", "0f")];
    world.call(IMS, "CreateOIDCProvider", &create).await.done();
    let second = [("OIDCProviderName", "other"), create[1]];
    world.call(IMS, "CreateOIDCProvider", &second).await.refused(409, "EntityAlreadyExists.OIDCProvider.IssuerUrl");
    world.call(IMS, "AddClientIdToOIDCProvider", &[name, ("ClientId", "c")]).await.done();
    world.call(IMS, "RemoveClientIdFromOIDCProvider", &[name, ("ClientId", "b")]).await.done();
    world.call(IMS, "AddFingerprintToOIDCProvider", &[name, ("Fingerprint", "0a")]).await.done();
    world.call(IMS, "RemoveFingerprintFromOIDCProvider", &[name, ("Fingerprint", "0f")]).await.done();
    world.call(IMS, "UpdateOIDCProvider", &[name, ("IssuanceLimitTime", "24")]).await.done();
    let provider = world.call(IMS, "GetOIDCProvider", &[name]).await.done()["OIDCProvider"].clone();
    assert_eq!((&provider["ClientIds"], &provider["Fingerprints"]), (&json!("a,c"), &json!("0a")));
    assert_eq!(provider["IssuanceLimitTime"], 24);
    world.call(IMS, "DeleteOIDCProvider", &[name]).await.done();
    world.call(IMS, "GetOIDCProvider", &[name]).await.refused(404, "EntityNotExist.OIDCProvider");
}
